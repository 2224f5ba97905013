<?php

declare(strict_types=1);

namespace MaxPay\Tests;

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
                    self::assertFalse(strlen($secret) > 20 && str_contains((string) $refusal, substr($secret, 0, 15)), $case['name']);
                }
            }
            self::assertSame($case['expect'], $code, $case['name']);
        }
    }

    public function testHeadersMayBeListsAsInPsr7(): void
    {
        $this->expectException(WebhookException::class);
        $this->expectExceptionMessage('too-old');
        $headers = ['Webhook-Id' => ['a'], 'Webhook-Timestamp' => ['1000'], 'Webhook-Signature' => ['v1,a']];
        Webhook::verify('{}', $headers, 'whsec_AAAA');
    }
}
