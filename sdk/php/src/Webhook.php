<?php

declare(strict_types=1);

namespace MaxPay;

/** Verifies a webhook: both of its signatures, its age and its app, before anything of it is used. */
final class Webhook
{
    private const SECRET = '~\Awhsec_((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==))\z~';

    /**
     * Reads a webhook.
     *
     * @param string $body `file_get_contents('php://input')`: the bytes as they came
     * @param array<string, mixed> $headers `getallheaders()`, or what `getHeaders()` of a PSR-7 request gives; names in any case
     * @param string|list<string> $secrets of the webhook; several for the time of a rotation: one of them has to fit
     * @param string|list<string> $masterKeys with them the body's `sign` is checked, too
     * @param ?string $appId is compared with the body's
     * @param int $tolerance in seconds
     * @param ?int $now in seconds
     * @throws WebhookException
     */
    public static function verify(
        string $body,
        array $headers,
        #[\SensitiveParameter] mixed $secrets,
        #[\SensitiveParameter] mixed $masterKeys = [],
        ?string $appId = null,
        int $tolerance = 300,
        ?int $now = null,
    ): Event {
        $keys = [];
        // array_map would show all of them in the trace of what it throws.
        foreach (self::texts($secrets) as $secret) {
            $keys[] = self::key($secret);
        }
        $masterKeys = self::texts($masterKeys);
        if ($keys === [] || in_array('', $masterKeys, true)) {
            throw new WebhookException('bad-secret', 'at least one secret is needed, and no master key may be empty');
        }
        $id = self::header($headers, 'webhook-id');
        $seconds = self::header($headers, 'webhook-timestamp');
        $signatures = self::header($headers, 'webhook-signature');
        self::checkAge($seconds, $now ?? time(), $tolerance);
        $expected = array_map(fn ($key) => 'v1,' . base64_encode(hash_hmac('sha256', "$id.$seconds.$body", $key, true)), $keys);
        if (!self::fits($expected, explode(' ', $signatures))) {
            throw new WebhookException('wrong-signature', 'no v1 signature fits the secret; is the body as it came?');
        }
        $event = Json::object($body);
        if ($event === null) {
            throw new WebhookException('bad-body', 'the body is no JSON object in UTF-8');
        }
        if ($appId !== null && ($event->appid ?? null) !== $appId) {
            throw new WebhookException('wrong-app', 'the webhook is of another app');
        }
        if ($masterKeys !== [] && !self::signFits($event, $masterKeys)) {
            throw new WebhookException('wrong-sign', 'the sign in the body fits no master key');
        }
        try {
            return Event::of($id, $event);
        } catch (\UnexpectedValueException $problem) {
            throw new WebhookException('bad-body', $problem->getMessage());
        }
    }

    /** @return list<string> */
    private static function texts(#[\SensitiveParameter] mixed $oneOrMore): array
    {
        $all = is_array($oneOrMore) ? array_values($oneOrMore) : [$oneOrMore];
        foreach ($all as $one) {
            // getenv() says false where a variable is missing.
            if (!is_string($one)) {
                throw new WebhookException('bad-secret', 'secrets and master keys are texts; found ' . get_debug_type($one));
            }
        }
        return $all;
    }

    private static function key(#[\SensitiveParameter] string $secret): string
    {
        if (!preg_match(self::SECRET, $secret, $written)) {
            throw new WebhookException('bad-secret', 'a secret is `whsec_` and base64 after it, as the gateway gave it');
        }
        return base64_decode($written[1]);
    }

    /** @param array<string, mixed> $headers */
    private static function header(array $headers, string $name): string
    {
        foreach ($headers as $key => $value) {
            if (strtolower((string) $key) !== $name) {
                continue;
            }
            $value = is_array($value) && $value === array_filter($value, is_string(...)) ? implode(', ', $value) : $value;
            if (is_string($value) && $value !== '') {
                return $value;
            }
        }
        throw new WebhookException('missing-header', "$name is absent, empty or no text");
    }

    private static function checkAge(string $seconds, int $now, int $tolerance): void
    {
        if (!preg_match('/\A[0-9]{1,12}\z/', $seconds)) {
            throw new WebhookException('bad-timestamp', 'webhook-timestamp is not a number of seconds');
        }
        $age = $now - (int) $seconds;
        if ($age > $tolerance) {
            throw new WebhookException('too-old', "sent $age seconds ago, and $tolerance are allowed");
        }
        if (-$age > $tolerance) {
            throw new WebhookException('too-new', 'sent ' . -$age . " seconds in the future, and $tolerance are allowed; is the clock right?");
        }
    }

    /**
     * Every pair is compared, each in constant time.
     *
     * @param list<string> $expected
     * @param list<string> $found
     */
    private static function fits(#[\SensitiveParameter] array $expected, array $found): bool
    {
        $fits = false;
        foreach ($expected as $one) {
            foreach ($found as $other) {
                $fits = hash_equals($one, $other) || $fits;
            }
        }
        return $fits;
    }

    /** @param list<string> $masterKeys */
    private static function signFits(\stdClass $event, #[\SensitiveParameter] array $masterKeys): bool
    {
        [$appId, $timestamp, $sign] = [$event->appid ?? null, $event->timestamp ?? null, $event->sign ?? null];
        if (!is_string($appId) || !is_int($timestamp) || !is_string($sign)) {
            return false;
        }
        // The contract's own checksum. It is MD5, and covers neither amount nor order: the v1 signature does.
        return self::fits(array_map(fn ($key) => md5($appId . $key . $timestamp), $masterKeys), [$sign]);
    }
}
