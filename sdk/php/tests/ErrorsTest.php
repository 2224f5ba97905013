<?php

declare(strict_types=1);

namespace MaxPay\Tests;

use MaxPay\{ApiException, AppInvalid, CertFileError, ChannelError, ChannelInvalid, Client, ConnectionFailed, CurlTransport, GatewayFault};
use MaxPay\{InvalidArgument, MaxPayException, MissParam, ParamInvalid, PayFactorNotSet, Psr18Transport, UnexpectedAnswer};
use PHPUnit\Framework\TestCase;

/** Each error as the gateway says it, retries over a road with faults, and what is refused before it is sent. */
final class ErrorsTest extends TestCase
{
    /** @return MaxPayException what a call throws, once it was looked at for the key */
    private function thrown(string $class, callable $call): MaxPayException
    {
        try {
            $call();
        } catch (MaxPayException $error) {
            self::assertSame($class, $error::class, $error->getMessage());
            self::assertStringNotContainsString(Stack::env('MAXPAY_MASTER_KEY'), $error . print_r($error, true));
            return $error;
        }
        self::fail("$class was not thrown");
    }

    private function refused(string $class, int $code, string $words, callable $call): void
    {
        $error = $this->thrown($class, $call);
        self::assertInstanceOf(ApiException::class, $error);
        self::assertSame([$code, 200], [$error->getCode(), $error->status]);
        self::assertStringContainsString($words, $error->err);
        self::assertStringContainsString($error->msg, $error->getMessage());
    }

    private function app(?array $alipay = null): Client
    {
        $made = Stack::ask('POST', '/admin/v1/apps', ['name' => 'php']);
        if ($alipay !== null) {
            Stack::ask('PUT', "/admin/v1/apps/$made->appId/channels/ali?mode=test", $alipay);
        }
        return Stack::client(appId: $made->appId, masterKey: $made->test->masterKey);
    }

    public function testEachCodeHasItsError(): void
    {
        $client = Stack::client();
        $this->refused(AppInvalid::class, 1, 'X-ML-MasterKey', fn () => Stack::charge(Stack::client(masterKey: 'wrong'), 'ali_app', '1'));
        $this->refused(PayFactorNotSet::class, 2, 'wx_app', fn () => Stack::charge($this->app(), 'wx_app', '1'));
        $this->refused(ChannelInvalid::class, 3, 'channel', fn () => $client->close(billNum: '1', channel: 'ali'));
        $this->refused(MissParam::class, 4, 'returnUrl', fn () => Stack::charge($client, 'ali_web', '1', returnUrl: null));
        $this->refused(ParamInvalid::class, 5, 'totalFee', fn () => Stack::charge($client, 'ali_app', '1', totalFee: 0));
        $this->refused(ParamInvalid::class, 5, 'billNum', fn () => $client->sync(billNum: 'never-made'));
        $this->refused(ParamInvalid::class, 5, 'billNum', fn () => $client->refunds(billNum: 'never-made'));
    }

    public function testAKeyThatCannotSignAndAProviderThatRefuses(): void
    {
        $mapi = (array) Stack::ask('GET', '/_local/simulator/alipay/settings')->mapi;
        $old = $this->app(array_diff_key($mapi, ['privateKey' => 0, 'alipayPublicKey' => 0]));
        $this->refused(CertFileError::class, 6, 'privateKey', fn () => Stack::charge($old, 'ali_app', '1'));
        [$client, $bill] = [Stack::client(), Stack::newBill()];
        Stack::ask('POST', '/_local/simulator/alipay/faults', ['next' => ['unsigned']]);
        $this->refused(ChannelError::class, 7, '', fn () => Stack::charge($client, 'ali_qrcode', $bill));
        self::assertNotNull(Stack::charge($client, 'ali_qrcode', $bill)->codeUrl);
    }

    public function testAnAddressThatIsNotTheGatewayIsSaidSo(): void
    {
        $elsewhere = Stack::client(baseUrl: Stack::env('MAXPAY_URL') . '/elsewhere');
        $error = $this->thrown(UnexpectedAnswer::class, fn () => $elsewhere->records());
        self::assertSame(404, $error->status);
        self::assertStringContainsString('base URL', $error->getMessage());
    }

    /** @return list<array{callable(): \MaxPay\Transport}> */
    public static function transports(): array
    {
        return ['curl' => [fn () => new CurlTransport()], 'a PSR-18 client' => [function () {
            if (!class_exists(\GuzzleHttp\Client::class)) {
                self::markTestSkipped('there is no PSR-18 client (Debian: php-guzzlehttp-guzzle)');
            }
            $factory = new \GuzzleHttp\Psr7\HttpFactory();
            return new Psr18Transport(new \GuzzleHttp\Client(['timeout' => 10]), $factory, $factory);
        }]];
    }

    /** Unlike Guzzle's, it follows redirects unless it is told otherwise. */
    public function testSymfonysClientIsToldToFollowNoRedirect(): void
    {
        if (!class_exists(\Symfony\Component\HttpClient\Psr18Client::class) || !class_exists(\Nyholm\Psr7\Factory\Psr17Factory::class)) {
            self::markTestSkipped('it is not installed (Debian: php-symfony-http-client php-nyholm-psr7)');
        }
        $factory = new \Nyholm\Psr7\Factory\Psr17Factory();
        $symfony = new \Symfony\Component\HttpClient\Psr18Client(null, $factory, $factory);
        $transport = fn () => new Psr18Transport($symfony, $factory, $factory);
        if (!method_exists($symfony, 'withOptions')) {
            self::assertStringContainsString('redirects', $this->thrown(InvalidArgument::class, $transport)->getMessage());
            return;
        }
        self::assertIsArray(Stack::client(transport: $transport())->records(limit: 1));
        $this->testNoRedirectIsFollowed($transport);
    }

    /** @dataProvider transports */
    public function testAChargeGetsThroughWhateverTheRoadDoesAndIsOneBill(callable $transport): void
    {
        foreach (['drop', '500', '503', '14', '429', 'cut off', 'lose the answer'] as $fault) {
            [$road, $bill] = [new Road($fault), Stack::newBill()];
            $charged = Stack::charge(Stack::client(baseUrl: $road->url, transport: $transport()), 'wx_native', $bill);
            self::assertCount(2, $road->passed(), $fault);
            self::assertSame([$charged->id], array_map(fn ($record) => $record->id, Stack::client()->records(billNum: $bill)), $fault);
        }
    }

    /** @dataProvider transports */
    public function testNoRedirectIsFollowed(callable $transport): void
    {
        $road = new Road('redirect');
        $client = Stack::client(baseUrl: $road->url, transport: $transport());
        $error = $this->thrown(UnexpectedAnswer::class, fn () => $client->records());
        self::assertSame([308, 1], [$error->status, count($road->passed())]);
    }

    /** @dataProvider transports */
    public function testNobodyListens(callable $transport): void
    {
        $client = Stack::client(baseUrl: 'http://127.0.0.1:' . Stack::freePort(), retries: 0, transport: $transport());
        $this->thrown(ConnectionFailed::class, fn () => $client->records());
    }

    public function testARefundWhoseAnswerWasLostMovesMoneyOnce(): void
    {
        [$client, $bill, $road] = [Stack::client(), Stack::newBill(), new Road('lose the answer', 'lose the answer')];
        $charged = Stack::charge($client, 'ali_app', $bill);
        Stack::pay('ali_app', $charged->id);
        Stack::client(baseUrl: $road->url)->refund(billNum: $bill, refundNum: "R$charged->id", refundFee: 50);
        self::assertCount(3, $road->passed());
        self::assertSame([50], array_map(fn ($refund) => $refund->refundFee, $client->refunds(billNum: $bill)));
    }

    public function testItGivesUpAfterItsRetriesAndARefusalIsNotTriedAgain(): void
    {
        [$road, $begun] = [new Road('14', '14'), microtime(true)];
        $error = $this->thrown(GatewayFault::class, fn () => Stack::client(baseUrl: $road->url, retries: 1)->records());
        self::assertSame([14, 503, 2], [$error->getCode(), $error->status, count($road->passed())]);
        self::assertSame('r-1', $error->requestId);
        self::assertStringEndsWith(' (request r-1)', $error->getMessage());
        self::assertGreaterThanOrEqual(0.125, microtime(true) - $begun);
        $this->thrown(ParamInvalid::class, fn () => Stack::client(baseUrl: $road->url)->sync(billNum: 'never-made'));
        self::assertCount(3, $road->passed());
    }

    public function testNobodyWhoDripsIsWaitedForBeyondTheTimeout(): void
    {
        [$road, $begun] = [new Road('drip'), microtime(true)];
        $error = $this->thrown(ConnectionFailed::class, fn () => Stack::client(baseUrl: $road->url, timeout: 0.3, retries: 0)->records());
        self::assertStringContainsString('timed out', $error->getMessage());
        self::assertLessThan(5, microtime(true) - $begun);
    }

    public function testItSaysWhoCallsAndKeepsWhatItDoesNotKnow(): void
    {
        $record = '{"id":"a","billNum":"b","channel":"new","createdTime":1,"currency":"CNY","money":"","totalFee":9007199254740993,'
            . '"status":"new","later":{}}';
        $road = new Road('200 {"code":0,"msg":"OK","results":[' . $record . ']}', '200 {"code":0,"results":[{}]}', '200 {"code":99}', '200 <p>');
        $client = Stack::client(baseUrl: $road->url);
        $found = $client->records()[0];
        self::assertSame(9007199254740993, $found->totalFee);
        self::assertEquals(new \stdClass(), $found->raw->later);
        self::assertStringContainsString('User-Agent: maxpay-php/' . Client::VERSION . "\r\n", $road->passed()[0]);
        self::assertStringContainsString('id is absent', $this->thrown(UnexpectedAnswer::class, fn () => $client->records())->getMessage());
        self::assertSame(99, $this->thrown(ApiException::class, fn () => $client->records())->getCode());
        $this->thrown(UnexpectedAnswer::class, fn () => $client->records());
    }

    public function testNamesInExtrasThatPhpHasNoPropertiesForAreRead(): void
    {
        $record = fn (string $extras) => '{"id":"a","billNum":"b","channel":"ali_app","createdTime":1,"currency":"CNY","money":"","totalFee":1,'
            . '"status":"success","extras":' . $extras . '}';
        $road = new Road('200 {"code":0,"results":[' . $record('{"\u0000a":{"b":[1]}}') . ',' . $record('{}') . ',' . $record('{"c":{"d":1}}') . ']}');
        $found = iterator_to_array(Stack::client(baseUrl: $road->url)->iterRecords());
        self::assertSame([["\0a" => ['b' => [1]]], [], ['c' => ['d' => 1]]], array_map(fn ($one) => $one->extras, $found));
        self::assertSame(1, $found[2]->raw->extras->c->d);
    }

    public function testOnlyIntegersAreMoney(): void
    {
        foreach ([1.0, 99.5, '100', true, null] as $wrong) {
            $error = $this->thrown(InvalidArgument::class, fn () => Stack::client()->charge('ali_app', '1', $wrong, 'tea'));
            self::assertStringContainsString('totalFee must be an int', $error->getMessage());
            $error = $this->thrown(InvalidArgument::class, fn () => Stack::client()->refund('1', '1', $wrong));
            self::assertStringContainsString('refundFee must be an int', $error->getMessage());
        }
        $this->thrown(InvalidArgument::class, fn () => Stack::charge(Stack::client(), 'ali_app', "\xff"));
    }

    public function testWrongSettingsAreNamed(): void
    {
        foreach ([
            ['exactly one', ['masterKey' => null]],
            ['exactly one', ['clientKey' => 'a']],
            ['masterKey must be of visible ASCII', ['masterKey' => "secret-of-mine\n"]],
            ['masterKey must be of visible ASCII', ['masterKey' => '']],
            ['appId must be', ['appId' => '']],
            ['baseUrl', ['baseUrl' => 'ftp://pay.example']],
            ['baseUrl', ['baseUrl' => 'https://u:secret-of-mine@pay.example']],
            ['baseUrl', ['baseUrl' => 'https://pay.example?a=b']],
            ['baseUrl', ['baseUrl' => 'https://pay.example:port']],
            ['baseUrl', ['baseUrl' => 'pay.example']],
            ['baseUrl', ['baseUrl' => 'https://pay.example/a b']],
            ['baseUrl', ['baseUrl' => "https://pay.example\n"]],
            ['baseUrl', ['baseUrl' => 'https://pay.example?']],
            ['timeout', ['timeout' => 0.0]],
            ['timeout', ['timeout' => NAN]],
            ['timeout', ['timeout' => INF]],
        ] as [$words, $options]) {
            $error = $this->thrown(InvalidArgument::class, fn () => Stack::client(...$options));
            self::assertStringContainsString($words, $error->getMessage());
            self::assertStringNotContainsString('secret-of-mine', $error->getMessage());
        }
    }

    public function testTheKeyIsInNoDumpExportOrSerialization(): void
    {
        $client = Stack::client(masterKey: 'secret-of-mine');
        ob_start();
        var_dump($client, [$client]);
        $shown = ob_get_clean() . print_r($client, true) . var_export($client, true) . json_encode($client);
        self::assertStringNotContainsString('secret-of-mine', $shown);
        self::assertStringContainsString('***', $shown);
        self::assertStringNotContainsString('secret-of-mine', $this->allOf($client));
        self::assertStringNotContainsString('secret-of-mine', $this->allOf(clone $client));
        $session = Stack::client()->session(ttlSeconds: 60);
        self::assertStringNotContainsString($session->token(), $this->allOf($session));
        $this->expectExceptionMessage('a key is not serialized');
        serialize($client);
    }

    /** What a debugger prints of an object: private members, and what a closure holds. */
    private function allOf(mixed $value, int $depth = 0): string
    {
        if ($value instanceof \Closure) {
            $value = (new \ReflectionFunction($value))->getStaticVariables();
        }
        if (is_scalar($value) || $value === null || $depth > 8) {
            return var_export($value, true);
        }
        return implode(' ', array_map(fn ($one) => $this->allOf($one, $depth + 1), (array) $value));
    }
}
