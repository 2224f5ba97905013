<?php

declare(strict_types=1);

namespace MaxPay;

/**
 * How a payer came back from a checkout. `$status` is `success`, `cancel`, or `unknown`: the bill may still be paid.
 *
 * `$id`, `$channel` and `$totalFee`, in fen, are there where it is paid. `$time` is when the result was made, in milliseconds.
 */
final class Result
{
    private const ADDRESS = '~\A(https?://|[/?])~i';
    private const REQUIRED = ['maxpay_app', 'maxpay_bill', 'maxpay_mode', 'maxpay_status', 'maxpay_time', 'maxpay_sign'];

    private function __construct(
        public readonly string $appId,
        public readonly string $mode,
        public readonly string $billNum,
        public readonly string $status,
        public readonly int $time,
        public readonly ?string $id,
        public readonly ?string $channel,
        public readonly ?int $totalFee,
    ) {
    }

    /**
     * Reads the result of a checkout. It is for the page that the payer sees; deliver by the webhook or a query.
     *
     * @param string $address that the payer came back to, or its query: `$_SERVER['QUERY_STRING']`
     * @param string|list<string> $masterKeys of the app and the mode; several for the time of a rotation: one of them has to fit
     * @param ?string $appId is compared with the result's
     * @param int $tolerance in seconds
     * @param ?int $now in seconds
     * @throws ResultException
     */
    public static function verify(
        string $address,
        #[\SensitiveParameter] mixed $masterKeys,
        ?string $appId = null,
        int $tolerance = 300,
        ?int $now = null,
    ): self {
        $keys = is_array($masterKeys) ? array_values($masterKeys) : [$masterKeys];
        foreach ($keys as $key) {
            // getenv() says false where a variable is missing.
            if (!is_string($key) || $key === '') {
                throw new ResultException('bad-key', 'master keys are texts, and none of them may be empty; found ' . get_debug_type($key));
            }
        }
        if ($keys === []) {
            throw new ResultException('bad-key', 'at least one master key is needed');
        }
        $parameters = self::parameters($address);
        $sign = $parameters['maxpay_sign'];
        unset($parameters['maxpay_sign']);
        if (!self::fits($keys, $parameters, $sign)) {
            throw new ResultException('wrong-signature', 'maxpay_sign fits no master key; is the key of the same mode, and the address as it came?');
        }
        $result = self::of($parameters);
        if ($appId !== null && $result->appId !== $appId) {
            throw new ResultException('wrong-app', 'the result is of another app');
        }
        $age = ($now === null ? (int) (microtime(true) * 1000) : $now * 1000) - $result->time;
        if ($age > $tolerance * 1000) {
            throw new ResultException('too-old', "made more than $tolerance seconds ago; ask for the bill in its place");
        }
        if (-$age > $tolerance * 1000) {
            throw new ResultException('too-new', "made more than $tolerance seconds in the future; is the clock right?");
        }
        return $result;
    }

    /** @return array<string, string> */
    private static function parameters(string $address): array
    {
        $query = explode('#', $address, 2)[0];
        if (preg_match(self::ADDRESS, $query)) {
            $query = explode('?', $query, 2)[1] ?? '';
        }
        $found = [];
        // parse_str makes arrays of some names, and keeps the last of two values.
        foreach (explode('&', $query) as $pair) {
            [$name, $value] = array_map(urldecode(...), explode('=', $pair, 2)) + [1 => ''];
            if (!str_starts_with($name, 'maxpay_')) {
                continue;
            }
            if (isset($found[$name])) {
                throw new ResultException('repeated-parameter', "$name is there twice");
            }
            $found[$name] = $value;
        }
        foreach (self::REQUIRED as $name) {
            if (($found[$name] ?? '') === '') {
                throw new ResultException('missing-parameter', "$name is absent or empty");
            }
        }
        return $found;
    }

    /**
     * Every key is tried, each in constant time. A line end in a value could make two parameters of one.
     *
     * @param list<string> $keys
     * @param array<string, string> $parameters
     */
    private static function fits(#[\SensitiveParameter] array $keys, array $parameters, string $sign): bool
    {
        ksort($parameters, SORT_STRING);
        $content = 'maxpay-checkout-result';
        $fits = false;
        foreach ($parameters as $name => $value) {
            $content .= "\n$name=$value";
        }
        foreach ($keys as $key) {
            $fits = hash_equals(hash_hmac('sha256', $content, $key), $sign) || $fits;
        }
        return $fits && !str_contains(implode('', $parameters), "\n");
    }

    /** @param array<string, string> $parameters */
    private static function of(array $parameters): self
    {
        $read = function (string $name, string $form) use ($parameters): string {
            $value = $parameters["maxpay_$name"] ?? '';
            return preg_match("~\\A(?:$form)\\z~s", $value) ? $value : throw new ResultException('bad-result', "maxpay_$name is absent or not of its form");
        };
        $isPaid = $read('status', 'success|cancel|unknown') === 'success';
        return new self(
            appId: $parameters['maxpay_app'],
            mode: $read('mode', 'live|test'),
            billNum: $parameters['maxpay_bill'],
            status: $parameters['maxpay_status'],
            time: (int) $read('time', '[0-9]{1,15}'),
            id: $isPaid ? $read('id', '.+') : null,
            channel: $isPaid ? $read('channel', '.+') : null,
            totalFee: $isPaid ? (int) $read('fee', '[1-9][0-9]{0,10}') : null,
        );
    }
}
