<?php

declare(strict_types=1);

namespace MaxPay\Tests;

use MaxPay\Result;
use MaxPay\ResultException;
use MaxPay\Webhook;
use MaxPay\WebhookException;
use PHPUnit\Framework\TestCase;

final class VectorsTest extends TestCase
{
    public function testEveryVectorIsDecidedAsItSays(): void
    {
        $cases = json_decode(file_get_contents(__DIR__ . '/../../vectors/webhooks.json'), true, 512, JSON_THROW_ON_ERROR)['cases'];
        self::assertGreaterThan(90, count($cases));
        foreach ($cases as $case) {
            $code = 'ok';
            try {
                $event = Webhook::verify(
                    base64_decode($case['body']),
                    $case['headers'],
                    secrets: $case['secrets'],
                    masterKeys: $case['masterKeys'],
                    appId: $case['appid'],
                    tolerance: $case['tolerance'],
                    now: $case['now'],
                );
                $read = ['type' => $event->type, 'billNum' => $event->billNum, 'totalFee' => $event->totalFee];
                self::assertSame($case['event'], $read, $case['name']);
            } catch (WebhookException $refusal) {
                $code = $refusal->getCode();
                foreach ([...$case['secrets'], ...$case['masterKeys']] as $secret) {
                    self::assertFalse(strlen((string) $secret) > 20 && str_contains((string) $refusal, substr($secret, 0, 15)), $case['name']);
                }
            }
            self::assertSame($case['expect'], $code, $case['name']);
        }
    }

    public function testEveryResultOfACheckoutIsDecidedAsItSays(): void
    {
        $cases = json_decode(file_get_contents(__DIR__ . '/../../vectors/results.json'), true, 512, JSON_THROW_ON_ERROR)['cases'];
        self::assertGreaterThan(90, count($cases));
        foreach ($cases as $case) {
            $code = 'ok';
            try {
                $result = Result::verify($case['url'], $case['masterKeys'], $case['appId'], $case['tolerance'], $case['now']);
                self::assertEquals($case['result'], get_object_vars($result), $case['name']);
            } catch (ResultException $refusal) {
                $code = $refusal->getCode();
                foreach (array_filter($case['masterKeys']) as $key) {
                    self::assertStringNotContainsString(substr($key, 0, 30), (string) $refusal, $case['name']);
                }
            }
            self::assertSame($case['expect'], $code, $case['name']);
        }
        foreach ([false, null, 5, [[]]] as $keys) {
            try {
                Result::verify($cases[0]['url'], $keys);
                self::fail('it was believed');
            } catch (ResultException $refusal) {
                self::assertSame('bad-key', $refusal->getCode());
            }
        }
    }

    public function testSettingsAndHeadersOfAnotherTypeAreRefusedByACode(): void
    {
        $headers = ['webhook-id' => 'a', 'webhook-timestamp' => '1000', 'webhook-signature' => 'v1,a'];
        foreach ([
            'bad-secret' => [[$headers, false], [$headers, null], [$headers, 5], [$headers, [['whsec_AAAA']]], [$headers, 'whsec_AAAA', false]],
            'missing-header' => [
                [['webhook-timestamp' => 1000] + $headers, 'whsec_AAAA'], [['webhook-id' => [1, 'a']] + $headers, 'whsec_AAAA'],
                [['webhook-id' => []] + $headers, 'whsec_AAAA'], [['webhook-id' => new \stdClass()] + $headers, 'whsec_AAAA'],
            ],
        ] as $code => $calls) {
            foreach ($calls as $arguments) {
                try {
                    Webhook::verify('{}', ...$arguments);
                    self::fail('it was believed');
                } catch (WebhookException $refusal) {
                    self::assertSame($code, $refusal->getCode());
                }
            }
        }
    }

    public function testTheTraceOfABadSecretHoldsNoGoodOne(): void
    {
        $ignored = ini_set('zend.exception_ignore_args', '0');
        foreach ([['whsec_' . base64_encode('secret-of-mine'), 'bad'], ['whsec_' . base64_encode('secret-of-mine'), null]] as $secrets) {
            try {
                Webhook::verify('{}', [], $secrets);
                self::fail('it was believed');
            } catch (WebhookException $refusal) {
                self::assertSame('bad-secret', $refusal->getCode());
                $ours = array_filter($refusal->getTrace(), fn ($call) => !str_contains($call['file'] ?? '', 'phpunit'));
                self::assertNotEmpty($ours);
                self::assertStringNotContainsString(base64_encode('secret-of-mine'), print_r(array_column($ours, 'args'), true));
            }
        }
        ini_set('zend.exception_ignore_args', $ignored);
    }

    public function testHeadersMayBeListsAsInPsr7(): void
    {
        $this->expectException(WebhookException::class);
        $this->expectExceptionMessage('too-old');
        $headers = ['Webhook-Id' => ['a'], 'Webhook-Timestamp' => ['1000'], 'Webhook-Signature' => ['v1,a']];
        Webhook::verify('{}', $headers, 'whsec_AAAA');
    }
}
