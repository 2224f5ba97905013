<?php

declare(strict_types=1);

namespace MaxPay;

/**
 * Calls a gateway as one app. Amounts are integers in fen (1/100 CNY), times are milliseconds since 1970.
 *
 * Give exactly one key: the secret `masterKey` on servers, the public `clientKey` or a `sessionToken` elsewhere. `timeout` is the seconds for
 * one try, `retries` how often a call is made again after no answer, a 5xx or a 429. Every call may be made again: the same charge is the
 * same bill, the same refund number moves money once, and the rest changes nothing.
 */
final class Client
{
    public const VERSION = '0.1.0';
    private const HEADERS = ['masterKey' => 'X-ML-MasterKey', 'clientKey' => 'X-ML-APIKey', 'sessionToken' => 'X-ML-Session-Token'];
    // A day, in seconds; curl counts milliseconds in 32 bits.
    private const TIMEOUT_MAX = 86_400;
    private const REQUEST_IDS = ['apigw-requestid', 'x-amzn-requestid', 'x-request-id'];
    private const JSON = JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES | JSON_PRESERVE_ZERO_FRACTION | JSON_THROW_ON_ERROR;

    private readonly string $base;
    private readonly Transport $transport;
    private readonly string $keyHeader;
    private readonly Hidden $key;

    public function __construct(
        string $baseUrl,
        private readonly string $appId,
        #[\SensitiveParameter] ?string $masterKey = null,
        #[\SensitiveParameter] ?string $clientKey = null,
        #[\SensitiveParameter] ?string $sessionToken = null,
        private readonly float $timeout = 10.0,
        private readonly int $retries = 2,
        ?Transport $transport = null,
    ) {
        $keys = array_filter(compact('masterKey', 'clientKey', 'sessionToken'), fn ($key) => $key !== null);
        if (count($keys) !== 1) {
            throw new InvalidArgument('give exactly one of masterKey, clientKey and sessionToken');
        }
        foreach (['appId' => $appId, ...$keys] as $name => $value) {
            // A line end at the end of a key is a common mistake, and would end the header.
            if (!preg_match('/\A[!-~]+\z/', $value)) {
                throw new InvalidArgument("$name must be of visible ASCII characters, without blanks and line ends");
            }
        }
        if (!($timeout > 0 && $timeout <= self::TIMEOUT_MAX) || $retries < 0) {
            throw new InvalidArgument('timeout must be above 0 seconds and at most ' . self::TIMEOUT_MAX . ', and retries at least 0');
        }
        $this->base = self::base($baseUrl);
        $this->transport = $transport ?? new CurlTransport();
        $this->keyHeader = self::HEADERS[array_key_first($keys)];
        $this->key = new Hidden(current($keys));
    }

    /** @return array<string, string> */
    private function headers(): array
    {
        return [
            'X-ML-AppId' => $this->appId,
            $this->keyHeader => $this->key->reveal(),
            'Content-Type' => 'application/json',
            'User-Agent' => 'maxpay-php/' . self::VERSION,
        ];
    }

    private static function base(string $url): string
    {
        // parse_url takes blanks and line ends for letters.
        $parts = preg_match('/\A[!-~]+\z/', $url) ? parse_url($url) ?: [] : [];
        $scheme = strtolower($parts['scheme'] ?? '');
        if (!in_array($scheme, ['http', 'https'], true) || !isset($parts['host']) || array_intersect_key($parts, ['user' => 0, 'query' => 0, 'fragment' => 0])) {
            throw new InvalidArgument('baseUrl must be http:// or https:// with a host, without user, query and fragment');
        }
        return rtrim($url, '/');
    }

    /** @return array<string, mixed> */
    public function __debugInfo(): array
    {
        return ['baseUrl' => $this->base, 'appId' => $this->appId, 'key' => '***'];
    }

    /**
     * Charges a bill on one channel. The same charge made again is the same bill, with fresh parameters to pay by.
     *
     * @param int $totalFee in fen
     * @param array<string, mixed>|\stdClass|null $extras comes back in records and webhooks
     */
    public function charge(
        string $channel,
        string $billNum,
        mixed $totalFee,
        string $subject,
        array|\stdClass|null $extras = null,
        ?string $returnUrl = null,
        ?string $showUrl = null,
        ?int $billTimeout = null,
        int|string|null $qrPayMode = null,
        ?string $openid = null,
        ?string $clientIp = null,
    ): Charged {
        $totalFee = self::fen('totalFee', $totalFee);
        return $this->call('bill', compact(
            'channel', 'billNum', 'totalFee', 'subject', 'extras', 'returnUrl', 'showUrl', 'billTimeout', 'qrPayMode', 'openid', 'clientIp'
        ), fn (\stdClass $raw) => Charged::of($channel, $billNum, $raw));
    }

    /**
     * Makes a checkout: a page, and a QR code of its address, by which the bill is paid with any wallet. The same bill has the same checkout.
     *
     * @param int $totalFee in fen
     * @param array<string, mixed>|\stdClass|null $extras comes back in records and webhooks
     * @param ?list<string> $channels all that the page may offer
     * @param ?int $expiresIn in seconds
     * @param ?string $locale `zh-CN` or `en`
     */
    public function checkout(
        string $billNum,
        mixed $totalFee,
        string $subject,
        string $returnUrl,
        ?string $cancelUrl = null,
        array|\stdClass|null $extras = null,
        ?array $channels = null,
        ?int $expiresIn = null,
        ?string $locale = null,
    ): Checkout {
        $totalFee = self::fen('totalFee', $totalFee);
        return $this->call('checkout', compact(
            'billNum', 'totalFee', 'subject', 'returnUrl', 'cancelUrl', 'extras', 'channels', 'expiresIn', 'locale'
        ), Checkout::of(...));
    }

    /**
     * One page of records, 20 unless `limit` says more. With a client key `billNum` is needed.
     *
     * @return list<Record>
     */
    public function records(
        ?string $channel = null,
        ?string $billNum = null,
        ?string $status = null,
        ?int $startTime = null,
        ?int $endTime = null,
        ?int $skip = null,
        ?int $limit = null,
        ?string $order = null,
    ): array {
        $query = compact('channel', 'billNum', 'status', 'startTime', 'endTime', 'skip', 'limit', 'order');
        return $this->call('records', $query, self::each(Record::of(...)));
    }

    /**
     * All records, page after page. It goes on from the time of the last record, not by an ever longer `skip`: that would end at 10,000
     * records, and show one twice whenever a bill is made in between.
     *
     * @return \Generator<int, Record>
     */
    public function iterRecords(
        ?string $channel = null,
        ?string $billNum = null,
        ?string $status = null,
        ?int $startTime = null,
        ?int $endTime = null,
        ?string $order = null,
        int $pageSize = 100,
    ): \Generator {
        $query = compact('channel', 'billNum', 'status', 'startTime', 'endTime', 'order') + ['limit' => $pageSize, 'skip' => 0];
        $bound = str_starts_with($order ?? '', 'created') ? 'startTime' : 'endTime';
        do {
            $page = $this->call('records', $query, self::each(Record::of(...)));
            foreach ($page as $record) {
                yield $record;
            }
            $last = $page === [] ? null : end($page)->createdTime;
            $ofThatTime = count(array_filter($page, fn (Record $record) => $record->createdTime === $last));
            $query['skip'] = $ofThatTime + ($query[$bound] === $last ? $query['skip'] : 0);
            $query[$bound] = $last;
        } while (count($page) >= $pageSize);
    }

    /**
     * Sends money back; the same `refundNum` moves it once. Look at `status`: it may be `pending`.
     *
     * @param int $refundFee in fen
     */
    public function refund(
        string $billNum,
        string $refundNum,
        mixed $refundFee,
        ?string $reason = null,
        ?string $channel = null,
        ?string $id = null,
    ): Refund {
        $refundFee = self::fen('refundFee', $refundFee);
        return $this->call('refund', compact('billNum', 'refundNum', 'refundFee', 'reason', 'channel', 'id'), Refund::of(...));
    }

    /**
     * The refunds of a bill, oldest first, or the one with this number.
     *
     * @return list<Refund>
     */
    public function refunds(?string $billNum = null, ?string $refundNum = null): array
    {
        return $this->call('refunds', compact('billNum', 'refundNum'), self::each(Refund::of(...)));
    }

    /**
     * The same one by one. The gateway answers all of a bill's refunds at once, so that this is one call today.
     *
     * @return \Generator<int, Refund>
     */
    public function iterRefunds(?string $billNum = null, ?string $refundNum = null): \Generator
    {
        yield from $this->refunds($billNum, $refundNum);
    }

    /** Closes an unpaid bill, at the provider and here. */
    public function close(string $billNum, string $channel): Record
    {
        return $this->call('close', compact('billNum', 'channel'), Record::of(...));
    }

    /**
     * Asks the provider about a bill now.
     *
     * @return list<Record>
     */
    public function sync(string $billNum, ?string $channel = null): array
    {
        return $this->call('sync', compact('billNum', 'channel'), self::each(Record::of(...)));
    }

    /** A session token for one of your clients, which may charge, and query by bill. */
    public function session(int $ttlSeconds, ?string $userId = null): Session
    {
        return $this->call('sessions', compact('ttlSeconds', 'userId'), Session::of(...));
    }

    /** PHP would make 99 of "99" and of 99.0 by itself, so that the type is asked for here. */
    private static function fen(string $name, mixed $value): int
    {
        return is_int($value) ? $value : throw new InvalidArgument("$name must be an int, in fen (1/100 CNY); found " . get_debug_type($value));
    }

    private static function each(callable $read): callable
    {
        return static function (\stdClass $raw) use ($read): array {
            if (!is_array($raw->results ?? null)) {
                throw new \UnexpectedValueException('results is not a list');
            }
            $isObject = fn ($one) => $one instanceof \stdClass ? $one : throw new \UnexpectedValueException('a result is not an object');
            return array_map(fn ($one) => $read($isObject($one)), $raw->results);
        };
    }

    /**
     * @template T
     * @param array<string, mixed> $members
     * @param callable(\stdClass): T $read
     * @return T
     */
    private function call(string $verb, array $members, callable $read): mixed
    {
        try {
            $body = json_encode((object) array_filter($members, fn ($value) => $value !== null), self::JSON);
        } catch (\JsonException $problem) {
            throw new InvalidArgument('this cannot be written as JSON: ' . $problem->getMessage());
        }
        $answer = $this->answer("$this->base/2.0/maxpay/$verb", $body);
        $requestId = null;
        foreach (self::REQUEST_IDS as $name) {
            $requestId ??= $answer->headers[$name] ?? null;
        }
        $raw = Json::object($answer->body);
        if ($raw === null || !is_int($raw->code ?? null)) {
            throw new UnexpectedAnswer('this is no answer of MaxPay; is the base URL right?', $answer->status, $requestId);
        }
        if ($raw->code !== 0) {
            $words = array_map(fn ($name) => is_string($raw->$name ?? null) ? $raw->$name : '', ['msg', 'err']);
            throw ApiException::of($raw->code, $words[0], $words[1], $answer->status, $requestId);
        }
        try {
            return $read($raw);
        } catch (\UnexpectedValueException $problem) {
            throw new UnexpectedAnswer("an answer to $verb in which " . $problem->getMessage(), $answer->status, $requestId);
        }
    }

    private function answer(string $url, string $body): Answer
    {
        for ($try = 0; ; $try++) {
            $failure = $answer = null;
            try {
                $answer = $this->transport->post($url, $this->headers(), $body, $this->timeout);
            } catch (ConnectionFailed $failure) {
                // It is thrown below, once there are no more tries.
            }
            $isPassing = $answer === null || $answer->status === 429 || $answer->status >= 500;
            if (!$isPassing || $try >= $this->retries) {
                return $answer ?? throw $failure;
            }
            $longest = (int) min(250_000 * 2 ** $try, 5_000_000);
            usleep(random_int(intdiv($longest, 2), $longest));
        }
    }
}
