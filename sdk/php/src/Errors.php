<?php

declare(strict_types=1);

namespace MaxPay;

/** The base of everything that this package throws. No message holds a key, a secret or the body of a request or an answer. */
abstract class MaxPayException extends \RuntimeException
{
    public function __construct(string $message, int $code = 0)
    {
        parent::__construct($message, $code);
        Trace::withoutArguments($this);
    }
}

/** @internal */
final class Trace
{
    /** PHP 8.1 does not know \SensitiveParameter: a trace would show keys and secrets. So it shows no argument at all there. */
    public static function withoutArguments(\Exception $problem): \Exception
    {
        if (PHP_VERSION_ID < 80200) {
            $calls = array_map(fn (array $call) => array_diff_key($call, ['args' => 0]), $problem->getTrace());
            (new \ReflectionProperty(\Exception::class, 'trace'))->setValue($problem, $calls);
        }
        return $problem;
    }
}

/** An argument that cannot be sent; nothing was sent. */
final class InvalidArgument extends MaxPayException
{
}

/** No answer came. Whether the gateway did what was asked is not known; the same call can be made again. */
final class ConnectionFailed extends MaxPayException
{
}

/** An answer that is not the gateway's, such as a page of a proxy, or a status without a code. */
final class UnexpectedAnswer extends MaxPayException
{
    public function __construct(string $problem, public readonly int $status, public readonly ?string $requestId)
    {
        parent::__construct("HTTP $status: $problem" . ($requestId === null ? '' : " (request $requestId)"));
    }
}

/** The gateway said no: `getCode()` and `$msg` are its number and name, `$err` says which field and what was expected. */
class ApiException extends MaxPayException
{
    private const BY_CODE = [
        1 => AppInvalid::class, 2 => PayFactorNotSet::class, 3 => ChannelInvalid::class, 4 => MissParam::class, 5 => ParamInvalid::class,
        6 => CertFileError::class, 7 => ChannelError::class, 14 => GatewayFault::class,
    ];

    final public function __construct(
        int $code,
        public readonly string $msg,
        public readonly string $err,
        public readonly int $status,
        public readonly ?string $requestId,
    ) {
        parent::__construct("$code $msg: $err" . ($requestId === null ? '' : " (request $requestId)"), $code);
    }

    /** @internal */
    public static function of(int $code, string $msg, string $err, int $status, ?string $requestId): self
    {
        $class = self::BY_CODE[$code] ?? self::class;
        return new $class($code, $msg, $err, $status, $requestId);
    }
}

/** 1: there is no such app, or the key does not fit it. */
final class AppInvalid extends ApiException
{
}

/** 2: the app has no settings for that channel. */
final class PayFactorNotSet extends ApiException
{
}

/** 3: there is no such channel. */
final class ChannelInvalid extends ApiException
{
}

/** 4: a field that is required is absent. */
final class MissParam extends ApiException
{
}

/** 5: a field is wrong, or does not fit the bill as it is. */
final class ParamInvalid extends ApiException
{
}

/** 6: a stored key or certificate cannot be used. */
final class CertFileError extends ApiException
{
}

/** 7: the provider refused or did not answer; the same charge can be made again. */
final class ChannelError extends ApiException
{
}

/** 14: the gateway's own fault; it was tried again already. */
final class GatewayFault extends ApiException
{
}

/** A webhook that must not be believed. Answer it with 400; `getCode()` is one of the words in the README. */
final class WebhookException extends MaxPayException
{
    public function __construct(string $code, string $problem)
    {
        parent::__construct("$code: $problem");
        $this->code = $code;
    }
}

/** The result of a checkout that must not be believed. Ask for the bill in its place; `getCode()` is one of the words in the README. */
final class ResultException extends MaxPayException
{
    public function __construct(string $code, string $problem)
    {
        parent::__construct("$code: $problem");
        $this->code = $code;
    }
}
