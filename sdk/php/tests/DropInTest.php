<?php

declare(strict_types=1);

namespace MaxPay\Tests;

use PHPUnit\Framework\TestCase;

/** A shop that was written for the original's MLPay.php, run as a program of its own with every warning shown. */
final class DropInTest extends TestCase
{
    private function program(string $code, array $environment = []): string
    {
        $environment += ['MAXPAY_MASTER_KEY' => '', 'MAXPAY_CLIENT_KEY' => ''] + getenv();
        $file = tempnam(sys_get_temp_dir(), 'maxpay');
        file_put_contents($file, '<?php require "MLPay.php"; ' . $code);
        $command = [PHP_BINARY, '-d', 'error_reporting=-1', '-d', 'display_errors=1', '-d', 'include_path=' . dirname(__DIR__), $file];
        $process = proc_open($command, [['file', '/dev/null', 'r'], ['pipe', 'w'], ['pipe', 'w']], $pipes, null, $environment);
        $said = stream_get_contents($pipes[1]) . stream_get_contents($pipes[2]);
        proc_close($process);
        unlink($file);
        return $said;
    }

    private function data(array $members): string
    {
        return '$data = ' . var_export($members + ['appid' => Stack::env('MAXPAY_APP_ID')], true) . ';';
    }

    public function testAShopChargesAndAsksWithATokenOfASession(): void
    {
        $bill = Stack::newBill();
        $token = Stack::client()->session(ttlSeconds: 60)->token();
        $data = $this->data([
            'token' => $token, 'billNum' => $bill, 'channel' => 'ali_web', 'totalFee' => 1, 'subject' => '一杯茶', 'extras' => [],
            'returnUrl' => 'http://shop.example/back', 'billTimeout' => 360, 'qrPayMode' => 0, 'showUrl' => '',
        ]);
        $said = $this->program($data . '
            $charged = MLPayApi::bill($data);
            $records = MLPayApi::record(["appid" => $data["appid"], "token" => $data["token"], "billNum" => $data["billNum"]]);
            echo get_class($charged), $charged->code, $charged->msg, substr($charged->ali_web, 0, 4), $records->results[0]->status;
            echo getRespErr()[$charged->code], count((array) $data);');
        self::assertSame('stdClass0OKhttpcreated成功11', $said);
    }

    public function testAKeyOfTheShopsTakesThePlaceOfTheToken(): void
    {
        foreach (['MASTER', 'CLIENT'] as $kind) {
            $key = Stack::env("MAXPAY_{$kind}_KEY");
            $data = $this->data(['token' => 'of a service that is gone', 'billNum' => Stack::newBill()]);
            self::assertSame('0[]', $this->program($data . '$r = MLPayApi::record($data); echo $r->code, json_encode($r->results);', ["MAXPAY_{$kind}_KEY" => $key]));
            $define = "define('MAXPAY_{$kind}_KEY', '$key');";
            self::assertSame('0', $this->program($define . $data . 'echo MLPayApi::record($data)->code;'));
        }
    }

    public function testAnswersAreReadWhateverTheNamesInExtrasAreAndNoneIsInAnError(): void
    {
        $road = new Road('200 {"code":0,"results":[{"extras":{"\u0000a":1},"id":"b"}]}', '200 a page of a proxy');
        $data = $this->data(['token' => 'v1.some.token']);
        $said = $this->program($data . '$r = MLPayApi::record($data); echo $r->results[0]->id, count($r->results[0]->extras);
            try { MLPayApi::record($data); } catch (Exception $e) { echo $e->getMessage(); }', ['MAXPAY_URL' => $road->url]);
        self::assertSame('b1网关响应无法识别：17 bytes', $said);
    }

    public function testAppAndTokenTravelInHeadersAndNotInTheBody(): void
    {
        $road = new Road();
        $data = $this->data(['token' => 'v1.some.token', 'billNum' => '茶/1', 'extras' => []]);
        $this->program($data . 'MLPayApi::record($data);', ['MAXPAY_URL' => $road->url . '/']);
        [$head, $body] = explode("\r\n\r\n", $road->passed()[0]);
        self::assertSame('{"billNum":"茶/1","extras":[]}', $body);
        self::assertStringStartsWith('POST /2.0/maxpay/records HTTP/1.1', $head);
        self::assertStringContainsString("\r\nX-ML-Session-Token: v1.some.token\r\n", $head);
        self::assertStringContainsString("\r\nX-ML-AppId: " . Stack::env('MAXPAY_APP_ID') . "\r\n", $head);
    }

    public function testARefusalIsAnObjectAndTroubleIsAnException(): void
    {
        $show = 'function show($call) { try { return $call(); } catch (Exception $e) { return get_class($e) . ":" . $e->getMessage(); } }';
        $data = $this->data(['token' => 'v1.wrong.token', 'channel' => 'ali_app', 'billNum' => '1', 'totalFee' => 1, 'subject' => 'tea']);
        $call = $show . $data . 'echo show(fn () => MLPayApi::bill($data)->msg);';
        self::assertSame('APP_INVALID', $this->program($call));
        $nobody = 'http://127.0.0.1:' . Stack::freePort();
        $said = $this->program($call, ['MAXPAY_URL' => $nobody]);
        self::assertStringStartsWith('Exception:网关响应无法识别：CURL EXCEPTION:', $said);
        self::assertSame('Exception:网关响应无法识别：CURL EXCEPTION:HTTP 404', $this->program($call, ['MAXPAY_URL' => Stack::env('MAXPAY_URL') . '/x']));
        self::assertSame('Exception:缺少必填参数：MAXPAY_URL', $this->program($call, ['MAXPAY_URL' => '']));
        self::assertSame('Exception:缺少必填参数：appid', $this->program("$show echo show(fn () => MLPayApi::bill([]));"));
        self::assertSame('Exception:缺少必填参数：token', $this->program("$show echo show(fn () => MLPayApi::record(['appid' => 'a']));"));
        $injected = $show . 'echo show(fn () => MLPayApi::record(["appid" => "a", "token" => "b\r\nX-Other: c"]));';
        self::assertSame('Exception:参数取值无效：X-ML-Session-Token', $this->program($injected));
        self::assertSame('CURL EXCEPTION:不支持的请求方式：put', $this->program('echo MLRESTUtil::request("", "put", ["appid" => "a", "token" => "b"], 1);'));
    }

    public function testBothLanguagesHaveEachMessage(): void
    {
        $both = 'global $LAN; foreach ([0, 1] as $LAN) { echo json_encode([MLPayApi::getErrMsg(), getRespErr()]), "\n"; }';
        [$chinese, $english] = array_map(json_decode(...), explode("\n", trim($this->program($both))));
        self::assertEquals(array_keys((array) $chinese[0]), array_keys((array) $english[0]));
        self::assertEquals(['0', '1', '2', '3', '4', '5', '6', '7', '14'], array_map(strval(...), array_keys((array) $chinese[1])));
        self::assertSame('PARAM_INVALID', ((array) $english[1])[5]);
    }
}
