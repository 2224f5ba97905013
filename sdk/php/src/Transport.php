<?php

declare(strict_types=1);

namespace MaxPay;

use Psr\Http\Client\ClientExceptionInterface;
use Psr\Http\Client\ClientInterface;
use Psr\Http\Message\RequestFactoryInterface;
use Psr\Http\Message\StreamFactoryInterface;

/** What came back; the names of the headers are in lower case. */
final class Answer
{
    // A hundred records with the longest extras are a tenth of it.
    public const BYTES_MAX = 8 * 1024 * 1024;

    /** @param array<string, string> $headers */
    public function __construct(public readonly int $status, public readonly array $headers, public readonly string $body)
    {
    }
}

/** How a request travels. No redirect is followed: it would carry the key to another address. */
interface Transport
{
    /**
     * @param array<string, string> $headers
     * @throws ConnectionFailed where no answer came in time
     */
    public function post(string $url, #[\SensitiveParameter] array $headers, string $body, float $timeout): Answer;
}

/** By the curl extension, and by one connection as long as it holds. */
final class CurlTransport implements Transport
{
    private ?\CurlHandle $curl = null;

    public function post(string $url, #[\SensitiveParameter] array $headers, string $body, float $timeout): Answer
    {
        if (!extension_loaded('curl')) {
            throw new InvalidArgument('the extension curl is missing; install it, or give a Psr18Transport');
        }
        $this->curl ??= curl_init();
        $found = $answered = [];
        $length = 0;
        curl_reset($this->curl);
        curl_setopt_array($this->curl, [
            CURLOPT_URL => $url,
            CURLOPT_POST => true,
            CURLOPT_POSTFIELDS => $body,
            CURLOPT_HTTPHEADER => [...array_map(fn ($name, $value) => "$name: $value", array_keys($headers), $headers), 'Expect:'],
            CURLOPT_FOLLOWLOCATION => false,
            CURLOPT_PROTOCOLS => CURLPROTO_HTTP | CURLPROTO_HTTPS,
            CURLOPT_NOSIGNAL => true,
            CURLOPT_TIMEOUT_MS => max(1, (int) ($timeout * 1000)),
            CURLOPT_HEADERFUNCTION => static function ($_, string $line) use (&$found): int {
                [$name, $value] = explode(':', $line, 2) + [1 => ''];
                $found[strtolower(trim($name))] = trim($value);
                return strlen($line);
            },
            CURLOPT_WRITEFUNCTION => static function ($_, string $part) use (&$answered, &$length): int {
                $answered[] = $part;
                $length += strlen($part);
                return $length > Answer::BYTES_MAX ? 0 : strlen($part);
            },
        ]);
        curl_exec($this->curl);
        if (curl_errno($this->curl) !== 0) {
            throw new ConnectionFailed($length > Answer::BYTES_MAX ? 'the answer is too long' : curl_error($this->curl));
        }
        return new Answer(curl_getinfo($this->curl, CURLINFO_RESPONSE_CODE), $found, implode('', $answered));
    }
}

/**
 * By any PSR-18 client. PSR-18 knows no timeout: set it where you make the client. It must follow no redirect, which would carry the key to
 * another address. Guzzle's follows none by PSR-18, and Symfony's is told so here; of others nothing is known.
 */
final class Psr18Transport implements Transport
{
    private readonly ClientInterface $client;

    public function __construct(
        ClientInterface $client,
        private readonly RequestFactoryInterface $requests,
        private readonly StreamFactoryInterface $streams,
    ) {
        $this->client = self::withoutRedirects($client);
    }

    private static function withoutRedirects(ClientInterface $client): ClientInterface
    {
        if (!$client instanceof \Symfony\Component\HttpClient\Psr18Client) {
            return $client;
        }
        if (!method_exists($client, 'withOptions')) {
            throw new InvalidArgument("Symfony's Psr18Client follows redirects and cannot be told otherwise before 6.2; take a later one, or curl");
        }
        return $client->withOptions(['max_redirects' => 0]);
    }

    public function post(string $url, #[\SensitiveParameter] array $headers, string $body, float $timeout): Answer
    {
        $request = $this->requests->createRequest('POST', $url)->withBody($this->streams->createStream($body));
        foreach ($headers as $name => $value) {
            $request = $request->withHeader($name, $value);
        }
        try {
            $response = $this->client->sendRequest($request);
            $stream = $response->getBody();
            $answered = '';
            while (!$stream->eof() && strlen($answered) <= Answer::BYTES_MAX) {
                $answered .= $stream->read(65536);
            }
        } catch (ClientExceptionInterface | \RuntimeException $problem) {
            // The exception of a client holds the request, and so the key: its words are kept alone.
            throw new ConnectionFailed($problem->getMessage());
        }
        if (strlen($answered) > Answer::BYTES_MAX) {
            throw new ConnectionFailed('the answer is too long');
        }
        $found = array_change_key_case(array_map(fn (array $values) => implode(', ', $values), $response->getHeaders()));
        return new Answer($response->getStatusCode(), $found, $answered);
    }
}
