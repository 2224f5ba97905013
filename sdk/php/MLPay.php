<?php

/**
 * The names of the original PHP SDK, so that a shop which uses them goes on with another host name alone:
 *
 *     MAXPAY_URL          where the gateway is: a constant, or in the environment
 *     MAXPAY_MASTER_KEY   or MAXPAY_CLIENT_KEY, in place of the `token`, which came from a service that is gone
 *
 * `$data` carries `appid` and `token` beside the fields of the call. What comes back is the decoded object, and trouble is an exception.
 * With a `token` (from `POST /2.0/maxpay/sessions`) no key is needed. New code takes MaxPay\Client.
 */

declare(strict_types=1);

require_once __DIR__ . '/autoload.php';

final class MLRESTErrMsg
{
    public const UNEXPECTED_RESULT = '网关响应无法识别：';
    public const NEED_PARAM = '缺少必填参数：';
    public const NEED_VALID_PARAM = '参数取值无效：';
    public const NEED_WX_JSAPI_OPENID = 'wx_jsapi 渠道必须传 openid';
    public const NEED_RETURN_URL = 'ali_web、ali_qrcode、unipay_web 渠道必须传 returnUrl';
    public const BILL_TIMEOUT_ERROR = 'billTimeout 不能小于 360 秒';
}

class MLRESTUtil
{
    final public static function getApiUrl(): string
    {
        return rtrim(self::setting('MAXPAY_URL') ?? throw MaxPay\Trace::withoutArguments(new Exception(getErrMsg()['need_param'] . 'MAXPAY_URL')), '/');
    }

    /** The body of the answer, or a text that begins with `CURL EXCEPTION:`. A status of 400 or more is trouble, too. */
    final public static function request($url, $method, #[SensitiveParameter] array $data, $timeout = 30): string
    {
        $headers = ['X-ML-AppId' => (string) ($data['appid'] ?? '')] + self::credential((string) ($data['token'] ?? ''));
        unset($data['appid'], $data['token']);
        foreach ($headers as $name => $value) {
            if (!preg_match('/\A[!-~]+\z/', $value)) {
                throw MaxPay\Trace::withoutArguments(new Exception(getErrMsg()['need_valid_param'] . $name));
            }
        }
        try {
            if (!in_array(strtolower($method), ['post', 'get'], true)) {
                throw new Exception(getErrMsg()['not_support_way'] . $method);
            }
            // The gateway answers both alike; a POST leaves the query out of logs.
            $body = json_encode((object) $data, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES | JSON_THROW_ON_ERROR);
            $headers += ['Content-Type' => 'application/json;charset=utf-8', 'User-Agent' => 'maxpay-php/' . MaxPay\Client::VERSION];
            $answer = (new MaxPay\CurlTransport())->post($url, $headers, $body, (float) $timeout);
            return $answer->status < 400 ? $answer->body : "CURL EXCEPTION:HTTP $answer->status";
        } catch (Exception $problem) {
            return 'CURL EXCEPTION:' . $problem->getMessage();
        }
    }

    private static function credential(#[SensitiveParameter] string $token): array
    {
        foreach (['MAXPAY_MASTER_KEY' => 'X-ML-MasterKey', 'MAXPAY_CLIENT_KEY' => 'X-ML-APIKey'] as $name => $header) {
            if (self::setting($name) !== null) {
                return [$header => self::setting($name)];
            }
        }
        if ($token === '') {
            throw MaxPay\Trace::withoutArguments(new Exception(getErrMsg()['need_param'] . 'token'));
        }
        return ['X-ML-Session-Token' => $token];
    }

    private static function setting(string $name): ?string
    {
        $value = defined($name) ? constant($name) : getenv($name);
        return is_string($value) && $value !== '' ? $value : null;
    }
}

class MLPayApi
{
    public const URI_BILL = '/2.0/maxpay/bill';
    public const URI_RECORD = '/2.0/maxpay/records';

    final public static function bill(#[SensitiveParameter] array $data): stdClass
    {
        return self::post(self::URI_BILL, $data);
    }

    final public static function record(#[SensitiveParameter] array $data): stdClass
    {
        return self::post(self::URI_RECORD, $data);
    }

    /** @return array<string, string> */
    final public static function getErrMsg(): array
    {
        return getErrMsg();
    }

    /** @return array<int, string> */
    final public static function getRespErr(): array
    {
        return getRespErr();
    }

    private static function post(string $api, #[SensitiveParameter] array $data): stdClass
    {
        if (!isset($data['appid'])) {
            throw MaxPay\Trace::withoutArguments(new Exception(getErrMsg()['need_param'] . 'appid'));
        }
        $said = MLRESTUtil::request(MLRESTUtil::getApiUrl() . $api, 'post', $data, 30);
        // An answer may hold what a log should not.
        $words = str_starts_with($said, 'CURL EXCEPTION:') ? $said : strlen($said) . ' bytes';
        return MaxPay\Json::object($said) ?? throw MaxPay\Trace::withoutArguments(new Exception(getErrMsg()['unexpected_result'] . $words));
    }
}

if (!function_exists('getErrMsg')) {
    /** Messages of this file; a true global `$LAN` makes them English. */
    function getErrMsg(): array
    {
        $english = (bool) ($GLOBALS['LAN'] ?? false);
        return [
            'unexpected_result' => $english ? 'unexpected answer: ' : MLRESTErrMsg::UNEXPECTED_RESULT,
            'need_param' => $english ? 'required parameter: ' : MLRESTErrMsg::NEED_PARAM,
            'need_valid_param' => $english ? 'invalid parameter: ' : MLRESTErrMsg::NEED_VALID_PARAM,
            'need_wx_jsapi_openid' => $english ? 'wx_jsapi needs openid' : MLRESTErrMsg::NEED_WX_JSAPI_OPENID,
            'need_return_url' => $english ? 'ali_web, ali_qrcode and unipay_web need returnUrl' : MLRESTErrMsg::NEED_RETURN_URL,
            'bill_timeout_error' => $english ? 'billTimeout must be at least 360 seconds' : MLRESTErrMsg::BILL_TIMEOUT_ERROR,
            'not_support_way' => $english ? 'unsupported method: ' : '不支持的请求方式：',
        ];
    }
}

if (!function_exists('getRespErr')) {
    /** What each code of an answer says; a true global `$LAN` makes it English. */
    function getRespErr(): array
    {
        $english = (bool) ($GLOBALS['LAN'] ?? false);
        return [
            0 => $english ? 'OK' : '成功',
            1 => $english ? 'APP_INVALID' : '应用不存在，或密钥与应用不匹配',
            2 => $english ? 'PAY_FACTOR_NOT_SET' : '应用尚未配置该支付渠道',
            3 => $english ? 'CHANNEL_INVALID' : '支付渠道不存在',
            4 => $english ? 'MISS_PARAM' : '缺少必填参数',
            5 => $english ? 'PARAM_INVALID' : '参数有误，或与订单当前状态不符',
            6 => $english ? 'CERT_FILE_ERROR' : '已保存的密钥或证书无法使用',
            7 => $english ? 'CHANNEL_ERROR' : '支付渠道拒绝或没有响应，可以原样重试',
            14 => $english ? 'RUN_TIME_ERROR' : '网关内部错误，请稍后重试',
        ];
    }
}
