<?php

declare(strict_types=1);

namespace MaxPay\Tests;

use MaxPay\Charged;
use MaxPay\Client;
use MaxPay\Event;
use MaxPay\Webhook;

/** The running local stack, as tests/sdk/run says: its operator, its payers, and servers of the test beside it. */
final class Stack
{
    private const SECONDS_MAX = 60;
    private const EVENTS = [
        'payment.success', 'refund.success', 'refund.failed', 'refund.stuck', 'payment.closed', 'payment.mismatch', 'payment.duplicate',
    ];

    /** @var array<string, string> the secrets of webhooks by their ids */
    public static array $secrets = [];
    private static int $counted = 0;

    public static function env(string $name): string
    {
        return getenv($name) ?: throw new \LogicException("$name is not set: these tests are run by tests/sdk/run");
    }

    /** What a charge needs on each channel, and which members its answer has. */
    public static function channels(): array
    {
        $back = ['returnUrl' => self::env('MAXPAY_URL') . '/_local/returned'];
        return [
            'ali_app' => [[], 'ali_app'],
            'ali_web' => [$back, 'ali_web'],
            'ali_wap' => [[], 'ali_wap'],
            'ali_qrcode' => [$back, 'codeUrl'],
            'wx_app' => [[], 'appid partnerid prepayid package noncestr timestamp sign'],
            'wx_jsapi' => [['openid' => 'oUpF8uMuAJO_M2pxb1Q9zNjWeS6o'], 'appId timeStamp nonceStr package signType paySign'],
            'wx_native' => [[], 'codeUrl'],
            'wx_lite' => [['openid' => 'oUpF8uMuAJO_M2pxb1Q9zNjWeS6o'], 'appId timeStamp nonceStr package signType paySign'],
            'wx_h5' => [['clientIp' => '203.0.113.8'], 'wx_h5'],
            'unipay_app' => [[], 'tn'],
            'unipay_web' => [$back, 'html'],
            'applepay_upacp' => [[], 'tn'],
        ];
    }

    public static function client(mixed ...$options): Client
    {
        return new Client(...$options + [
            'baseUrl' => self::env('MAXPAY_URL'), 'appId' => self::env('MAXPAY_APP_ID'), 'masterKey' => self::env('MAXPAY_MASTER_KEY'),
        ]);
    }

    public static function newBill(): string
    {
        return sprintf('php-%d-%d-%d', getmypid(), time(), ++self::$counted);
    }

    public static function charge(Client $client, string $channel, string $bill, mixed ...$options): Charged
    {
        $needs = ['channel' => $channel, 'billNum' => $bill, 'totalFee' => 9900, 'subject' => '一杯茶'];
        return $client->charge(...$options + $needs + self::channels()[$channel][0]);
    }

    /** A call that the SDK does not know: the operator's and the simulators'. */
    public static function ask(string $method, string $path, ?array $body = null): ?\stdClass
    {
        $said = file_get_contents(self::env('MAXPAY_URL') . $path, false, stream_context_create(['http' => [
            'method' => $method,
            'header' => ['Content-Type: application/json', 'Authorization: Bearer ' . self::env('MAXPAY_OPERATOR_TOKEN')],
            'content' => $body === null ? '' : json_encode((object) $body, JSON_THROW_ON_ERROR),
            'timeout' => 30,
        ]]));
        return $said === '' ? null : json_decode($said, false, 512, JSON_THROW_ON_ERROR);
    }

    public static function operate(string $method, string $path, ?array $body = null): ?\stdClass
    {
        return self::ask($method, '/admin/v1/apps/' . self::env('MAXPAY_APP_ID') . $path, $body);
    }

    public static function pay(string $channel, string $id): void
    {
        $family = explode('_', $channel)[0];
        $trade = ['ali' => 'alipay/trades', 'wx' => 'wechat/trades'][$family] ?? 'unionpay/orders';
        self::ask('POST', "/_local/simulator/$trade/$id/pay", []);
    }

    /** A payer leaves a checkout: where the next page sends the browser. */
    public static function leave(string $page): string
    {
        $context = stream_context_create(['http' => ['method' => 'POST', 'content' => '', 'timeout' => 30]]);
        $said = file_get_contents("$page/leave", false, $context);
        if (!preg_match('~data-go="([^"]*)"~', $said, $sent)) {
            throw new \RuntimeException("the payer is sent nowhere: $said");
        }
        return html_entity_decode($sent[1], ENT_QUOTES | ENT_HTML5);
    }

    /** Asks again and again until there is an answer, a minute at the most. */
    public static function until(string $what, callable $find): mixed
    {
        $deadline = microtime(true) + self::SECONDS_MAX;
        while (microtime(true) < $deadline) {
            $found = $find();
            if ($found !== null) {
                return $found;
            }
            usleep(50_000);
        }
        throw new \RuntimeException('waited ' . self::SECONDS_MAX . " s in vain: $what");
    }

    public static function freePort(): int
    {
        $probe = stream_socket_server('tcp://127.0.0.1:0');
        $port = (int) explode(':', stream_socket_get_name($probe, false))[1];
        fclose($probe);
        return $port;
    }

    /** Starts a program of this folder; it ends with the tests. */
    public static function start(array $command, array $environment = []): Program
    {
        return new Program([PHP_BINARY, ...$command], $environment + getenv());
    }

    /** A webhook of all events; what it answers is its id. */
    public static function webhook(string $url): string
    {
        $made = self::operate('POST', '/webhooks', ['target' => ['url' => $url], 'mode' => 'test', 'events' => self::EVENTS]);
        self::$secrets[$made->id] = $made->secret;
        register_shutdown_function(fn () => self::operate('DELETE', "/webhooks/$made->id"));
        return $made->id;
    }
}

/** A process of the test's own. */
final class Program
{
    /** @var resource */
    private $process;

    public function __construct(array $command, array $environment)
    {
        $quiet = ['file', '/dev/null', 'w'];
        $this->process = proc_open($command, [['file', '/dev/null', 'r'], $quiet, $quiet], $pipes, dirname(__DIR__), $environment);
    }

    public function __destruct()
    {
        proc_terminate($this->process);
        proc_close($this->process);
    }
}

/** PHP's own server, which keeps the webhooks that arrive. */
final class Receiver
{
    public readonly string $webhook;
    private readonly string $file;
    private readonly Program $program;

    public function __construct()
    {
        $this->file = tempnam(sys_get_temp_dir(), 'maxpay');
        $port = Stack::freePort();
        $this->program = Stack::start(['-S', "127.0.0.1:$port", 'tests/receiver.php'], ['RECEIVED' => $this->file, 'PHP_CLI_SERVER_WORKERS' => '4']);
        Stack::until('the receiver', fn () => @file_get_contents("http://127.0.0.1:$port/") === 'ready' ? true : null);
        $this->webhook = Stack::webhook("http://127.0.0.1:$port/");
    }

    public function __destruct()
    {
        unlink($this->file);
    }

    /** Waits for an event, and verifies every webhook of that bill on the way. */
    public function event(string $bill, string $type): Event
    {
        return Stack::until("$type of $bill", function () use ($bill, $type): ?Event {
            foreach (file($this->file) as $line) {
                [$headers, $body] = json_decode($line, true);
                $body = base64_decode($body);
                if (!str_contains($body, $bill)) {
                    continue;
                }
                $event = Webhook::verify(
                    $body,
                    $headers,
                    secrets: Stack::$secrets[$this->webhook],
                    masterKeys: Stack::env('MAXPAY_MASTER_KEY'),
                    appId: Stack::env('MAXPAY_APP_ID'),
                );
                if ($event->type === $type) {
                    return $event;
                }
            }
            return null;
        });
    }
}

/** A server that leads to the stack. For each request it takes the next of its faults, and passes the request on when none is left. */
final class Road
{
    public readonly string $url;
    private readonly string $file;
    private readonly Program $program;

    public function __construct(string ...$faults)
    {
        $this->file = tempnam(sys_get_temp_dir(), 'maxpay');
        $port = Stack::freePort();
        $this->url = "http://127.0.0.1:$port";
        $this->program = Stack::start(['tests/road.php', (string) $port, $this->file, ...$faults]);
        Stack::until('the road', fn () => filesize($this->file) > 0 || clearstatcache() ? true : null);
    }

    public function __destruct()
    {
        unlink($this->file);
    }

    /** @return list<string> the requests that came, as they came */
    public function passed(): array
    {
        return array_map(base64_decode(...), array_slice(file($this->file, FILE_IGNORE_NEW_LINES), 1));
    }
}
