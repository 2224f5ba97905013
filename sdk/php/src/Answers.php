<?php

declare(strict_types=1);

namespace MaxPay;

/**
 * Reads JSON.
 *
 * @internal
 */
final class Json
{
    /** The object that a text in JSON holds, or null. */
    public static function object(string $text): ?\stdClass
    {
        $value = json_decode($text);
        if (json_last_error() === JSON_ERROR_INVALID_PROPERTY_NAME) {
            // PHP has no property whose name begins with a zero byte. An array has.
            $value = self::withoutSuchNames(json_decode($text, true));
        }
        return $value instanceof \stdClass ? $value : null;
    }

    /** Makes objects of arrays, save of lists and of those that hold such a name. */
    private static function withoutSuchNames(mixed $value): mixed
    {
        if (!is_array($value)) {
            return $value;
        }
        $stays = array_is_list($value);
        foreach ($value as $name => $one) {
            $value[$name] = self::withoutSuchNames($one);
            $stays = $stays || str_starts_with((string) $name, "\0");
        }
        return $stays ? $value : (object) $value;
    }
}

/**
 * A text that no dump, export or serialization shows, nor a debugger's tree of the object.
 *
 * @internal
 */
final class Hidden
{
    /** @var ?\WeakMap<self, string> */
    private static ?\WeakMap $texts = null;

    public function __construct(#[\SensitiveParameter] string $text)
    {
        self::$texts ??= new \WeakMap();
        self::$texts[$this] = $text;
    }

    public function reveal(): string
    {
        return self::$texts[$this];
    }

    public function __serialize(): array
    {
        throw new \LogicException('a key is not serialized');
    }

    private function __clone()
    {
    }
}

/**
 * Reads members of an object that came as JSON.
 *
 * @internal
 */
final class Members
{
    public function __construct(public readonly \stdClass $raw)
    {
    }

    /** @return mixed */
    public function find(string $name, string $type)
    {
        $value = $this->raw->$name ?? null;
        if ($value !== null && get_debug_type($value) !== $type) {
            throw new \UnexpectedValueException("$name is not of type $type");
        }
        return $value;
    }

    public function text(string $name): string
    {
        return $this->find($name, 'string') ?? throw new \UnexpectedValueException("$name is absent");
    }

    public function integer(string $name): int
    {
        return $this->find($name, 'int') ?? throw new \UnexpectedValueException("$name is absent");
    }

    /** @return array<string, mixed> */
    public function extras(): array
    {
        $extras = $this->raw->extras ?? [];
        return $extras instanceof \stdClass || is_array($extras) ? self::asArray($extras) : throw new \UnexpectedValueException('extras is not an object');
    }

    /**
     * @param \stdClass|array<mixed> $value
     * @return array<mixed>
     */
    public static function asArray(\stdClass|array $value): array
    {
        return array_map(fn ($one) => $one instanceof \stdClass || is_array($one) ? self::asArray($one) : $one, (array) $value);
    }
}

/** A bill that waits to be paid. `$params` is all that the payer's app or page is handed; the named members are parts of it. */
final class Charged
{
    /** @param array<string, mixed> $params */
    private function __construct(
        public readonly string $id,
        public readonly array $params,
        public readonly ?string $aliApp,
        public readonly ?string $aliWeb,
        public readonly ?string $aliWap,
        public readonly ?string $codeUrl,
        public readonly ?string $wxH5,
        public readonly ?string $tn,
        public readonly ?string $html,
        public readonly \stdClass $raw,
    ) {
    }

    /** @internal */
    public static function of(string $channel, string $billNum, \stdClass $raw): self
    {
        $of = new Members($raw);
        $params = compact('channel', 'billNum') + array_diff_key(Members::asArray($raw), ['code' => 0, 'msg' => 0]);
        $named = array_map(fn ($name) => $of->find($name, 'string'), ['ali_app', 'ali_web', 'ali_wap', 'codeUrl', 'wx_h5', 'tn', 'html']);
        return new self($of->text('id'), $params, ...[...$named, $raw]);
    }
}

/** A page by which a bill is paid with any wallet: `$url`, its address as the SVG picture `$qr`, and its end in milliseconds. */
final class Checkout
{
    private function __construct(
        public readonly string $url,
        public readonly string $qr,
        public readonly int $expiresAt,
        public readonly \stdClass $raw,
    ) {
    }

    /** @internal */
    public static function of(\stdClass $raw): self
    {
        $of = new Members($raw);
        return new self($of->text('url'), $of->text('qr'), $of->integer('expiresAt'), $raw);
    }
}

/** A transaction. `$status` is `created`, `success`, `refund` (all of it went back) or `closed`; amounts are fen. */
final class Record
{
    /** @param array<string, mixed> $extras */
    private function __construct(
        public readonly string $id,
        public readonly string $billNum,
        public readonly string $channel,
        public readonly string $status,
        public readonly int $totalFee,
        public readonly int $refundedFee,
        public readonly string $currency,
        public readonly string $money,
        public readonly int $createdTime,
        public readonly ?int $endTime,
        public readonly array $extras,
        public readonly \stdClass $raw,
    ) {
    }

    /** @internal */
    public static function of(\stdClass $raw): self
    {
        $of = new Members($raw);
        return new self(
            id: $of->text('id'),
            billNum: $of->text('billNum'),
            channel: $of->text('channel'),
            status: $of->text('status'),
            totalFee: $of->integer('totalFee'),
            refundedFee: $of->find('refundedFee', 'int') ?? 0,
            currency: $of->text('currency'),
            money: $of->text('money'),
            createdTime: $of->integer('createdTime'),
            endTime: $of->find('endTime', 'int'),
            extras: $of->extras(),
            raw: $raw,
        );
    }
}

/** Money on its way back. `$status` is `pending`, `stuck` (a person must act), `success` or `failed`; amounts are fen. */
final class Refund
{
    private function __construct(
        public readonly string $refundNum,
        public readonly string $billNum,
        public readonly string $id,
        public readonly string $channel,
        public readonly int $refundFee,
        public readonly string $status,
        public readonly int $createdTime,
        public readonly ?int $endTime,
        public readonly ?string $reason,
        public readonly ?string $failure,
        public readonly \stdClass $raw,
    ) {
    }

    /** @internal */
    public static function of(\stdClass $raw): self
    {
        $of = new Members($raw);
        return new self(
            refundNum: $of->text('refundNum'),
            billNum: $of->text('billNum'),
            id: $of->text('id'),
            channel: $of->text('channel'),
            refundFee: $of->integer('refundFee'),
            status: $of->text('status'),
            createdTime: $of->integer('createdTime'),
            endTime: $of->find('endTime', 'int'),
            reason: $of->find('reason', 'string'),
            failure: $of->find('failure', 'string'),
            raw: $raw,
        );
    }
}

/** A token for one of your clients. It is a secret of theirs, so that `var_dump` leaves it out. */
final class Session
{
    private function __construct(private readonly Hidden $hidden, public readonly int $expiresAt)
    {
    }

    /** @internal */
    public static function of(\stdClass $raw): self
    {
        $of = new Members($raw);
        return new self(new Hidden($of->text('token')), $of->integer('expiresAt'));
    }

    public function token(): string
    {
        return $this->hidden->reveal();
    }

    /** @return array<string, mixed> */
    public function __debugInfo(): array
    {
        return ['token' => '***', 'expiresAt' => $this->expiresAt];
    }
}

/**
 * A webhook that was verified. `$type` is `payment.success` or one of the others in docs/webhooks.md.
 *
 * `$messageId` is the same at every attempt: keep it to work on each event once. Amounts are fen.
 */
final class Event
{
    /** @param array<string, mixed> $extras */
    private function __construct(
        public readonly string $type,
        public readonly string $messageId,
        public readonly string $appId,
        public readonly string $id,
        public readonly string $billNum,
        public readonly string $channel,
        public readonly string $status,
        public readonly int $totalFee,
        public readonly string $currency,
        public readonly int $createdTime,
        public readonly ?int $endTime,
        public readonly int $timestamp,
        public readonly array $extras,
        public readonly ?string $refundNum,
        public readonly ?int $refundFee,
        public readonly ?int $refundedFee,
        public readonly ?string $failure,
        public readonly ?string $kind,
        public readonly ?string $problem,
        public readonly ?int $serverFee,
        public readonly ?string $duplicateOf,
        public readonly \stdClass $raw,
    ) {
    }

    /** @internal */
    public static function of(string $messageId, \stdClass $raw): self
    {
        $of = new Members($raw);
        return new self(
            type: $of->find('event', 'string') ?? 'payment.success',
            messageId: $messageId,
            appId: $of->text('appid'),
            id: $of->text('id'),
            billNum: $of->text('billNum'),
            channel: $of->text('channel'),
            status: $of->text('status'),
            totalFee: $of->integer('totalFee'),
            currency: $of->text('currency'),
            createdTime: $of->integer('createdTime'),
            endTime: $of->find('endTime', 'int'),
            timestamp: $of->integer('timestamp'),
            extras: $of->extras(),
            refundNum: $of->find('refundNum', 'string'),
            refundFee: $of->find('refundFee', 'int'),
            refundedFee: $of->find('refundedFee', 'int'),
            failure: $of->find('failure', 'string'),
            kind: $of->find('kind', 'string'),
            problem: $of->find('problem', 'string'),
            serverFee: $of->find('serverFee', 'int'),
            duplicateOf: $of->find('duplicateOf', 'string'),
            raw: $raw,
        );
    }
}
