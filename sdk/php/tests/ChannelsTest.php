<?php

declare(strict_types=1);

namespace MaxPay\Tests;

use MaxPay\AppInvalid;
use MaxPay\Result;
use MaxPay\ResultException;
use PHPUnit\Framework\TestCase;

/** Every channel from the charge to the refund, and webhooks as they arrive. */
final class ChannelsTest extends TestCase
{
    private static Receiver $receiver;

    public static function setUpBeforeClass(): void
    {
        self::$receiver = new Receiver();
    }

    public function testEveryChannelIsChargedPaidToldAndRefunded(): void
    {
        $client = Stack::client();
        $refunds = [];
        foreach (Stack::channels() as $channel => [, $members]) {
            $bill = Stack::newBill();
            $charged = Stack::charge($client, $channel, $bill, extras: ['茶' => [1, ['a' => 2.0]], 'big' => PHP_INT_MAX]);
            foreach (explode(' ', $members) as $name) {
                self::assertArrayHasKey($name, $charged->params, $channel);
            }
            // What the JavaScript package's `pay` tells a charge by.
            self::assertSame([$charged->id, $channel, $bill], [$charged->params['id'], $charged->params['channel'], $charged->params['billNum']]);
            self::assertSame('created', $client->records(billNum: $bill)[0]->status);
            Stack::pay($channel, $charged->id);

            $event = self::$receiver->event($bill, 'payment.success');
            self::assertSame([$charged->id, 9900, $channel], [$event->id, $event->totalFee, $event->channel]);
            self::assertSame(['茶' => [1, ['a' => 2.0]], 'big' => PHP_INT_MAX], $event->extras);
            $record = $client->records(billNum: $bill)[0];
            self::assertSame(['success', '¥ 99.00', 0], [$record->status, $record->money, $record->refundedFee]);
            self::assertSame($event->extras, $record->extras);

            $refund = $client->refund(billNum: $bill, refundNum: "R$charged->id", refundFee: 100, reason: '凉了');
            self::assertSame([100, '凉了'], [$refund->refundFee, $refund->reason]);
            $refunds[] = $refund;
        }
        self::assertCount(12, $refunds);
        foreach ($refunds as $refund) {
            $bill = $refund->billNum;
            $done = Stack::until("the refund of $refund->channel", function () use ($client, $refund, $bill) {
                $client->sync(billNum: $bill);
                $found = $client->refunds(refundNum: $refund->refundNum)[0];
                return $found->status === 'pending' ? null : $found;
            });
            self::assertSame('success', $done->status);
            $told = self::$receiver->event($bill, 'refund.success');
            self::assertSame([$refund->refundNum, 100, 100], [$told->refundNum, $told->refundFee, $told->refundedFee]);
            self::assertEquals($client->refunds(billNum: $bill), iterator_to_array($client->iterRefunds(billNum: $bill)));
            self::assertSame(100, $client->sync(billNum: $bill)[0]->refundedFee);
        }
    }

    public function testEveryChannelIsClosed(): void
    {
        $client = Stack::client();
        foreach (array_keys(Stack::channels()) as $channel) {
            $bill = Stack::newBill();
            Stack::charge($client, $channel, $bill);
            self::assertSame('closed', $client->close(billNum: $bill, channel: $channel)->status);
            self::assertSame('closed', self::$receiver->event($bill, 'payment.closed')->status);
        }
    }

    public function testACheckoutIsMadeAndItsResultIsVerified(): void
    {
        [$client, $bill, $key] = [Stack::client(), Stack::newBill(), Stack::env('MAXPAY_MASTER_KEY')];
        $made = $client->checkout($bill, 9900, '一杯茶', 'http://127.0.0.1:9/back?a=b', expiresIn: 600);
        self::assertStringStartsWith(Stack::env('MAXPAY_URL') . '/pay/', $made->url);
        self::assertStringStartsWith('<svg ', $made->qr);
        $left = Result::verify(Stack::leave($made->url), $key, Stack::env('MAXPAY_APP_ID'));
        self::assertSame([$bill, 'cancel', 'test', null], [$left->billNum, $left->status, $left->mode, $left->totalFee]);
        $charged = Stack::charge($client, 'ali_qrcode', $bill);
        Stack::pay('ali_qrcode', $charged->id);
        $client->sync(billNum: $bill);
        $paid = Result::verify(Stack::leave($made->url), ['old', $key]);
        self::assertSame(['success', $charged->id, 'ali_qrcode', 9900], [$paid->status, $paid->id, $paid->channel, $paid->totalFee]);
        $this->expectException(ResultException::class);
        $this->expectExceptionMessage('wrong-signature');
        Result::verify(str_replace('9900', '1', Stack::leave($made->url)), $key);
    }

    public function testTheClientKeyAndASessionTokenChargeAndAsk(): void
    {
        $session = Stack::client()->session(ttlSeconds: 60, userId: '7');
        self::assertStringNotContainsString($session->token(), print_r($session, true) . var_export($session, true) . json_encode($session));
        foreach ([['clientKey' => Stack::env('MAXPAY_CLIENT_KEY')], ['sessionToken' => $session->token()]] as $key) {
            $client = Stack::client(...$key, masterKey: null);
            $bill = Stack::newBill();
            $charged = Stack::charge($client, 'wx_native', $bill);
            self::assertSame($charged->id, $client->records(billNum: $bill)[0]->id);
            try {
                $client->refund(billNum: $bill, refundNum: 'R1', refundFee: 1);
                self::fail('a client refunds nothing');
            } catch (AppInvalid $refusal) {
                self::assertSame(1, $refusal->getCode());
            }
        }
    }

    public function testTheIteratorGoesOverAllPagesWhileBillsAreMade(): void
    {
        $client = Stack::client();
        for ($made = []; count($made) < 7;) {
            $made[] = Stack::charge($client, 'ali_wap', Stack::newBill())->id;
        }
        $since = $client->records(channel: 'ali', limit: 7)[6]->createdTime;
        foreach ([null, 'createdTime', '-createdTime'] as $order) {
            $ids = $times = [];
            foreach ($client->iterRecords(channel: 'ali', startTime: $since, order: $order, pageSize: 2) as $record) {
                [$ids[], $times[]] = [$record->id, $record->createdTime];
                if (count($ids) === 1) {
                    Stack::charge($client, 'ali_wap', Stack::newBill());
                }
            }
            self::assertSame([], array_diff($made, $ids), "order $order");
            self::assertSame($ids, array_unique($ids));
            $sorted = $times;
            $order === 'createdTime' ? sort($sorted) : rsort($sorted);
            self::assertSame($sorted, $times);
        }
    }

    public function testTheTriesOfOneBillAreAllFound(): void
    {
        [$client, $bill] = [Stack::client(), Stack::newBill()];
        foreach (['ali_wap', 'wx_native', 'unipay_app', 'ali_app', 'applepay_upacp'] as $channel) {
            Stack::charge($client, $channel, $bill);
        }
        foreach ([1, 2, 5] as $size) {
            $ids = array_map(fn ($record) => $record->id, iterator_to_array($client->iterRecords(billNum: $bill, pageSize: $size), false));
            self::assertCount(5, array_unique($ids));
        }
    }

    public function testRecordsOfOneMillisecondArePassedOverByTheirNumber(): void
    {
        $member = '{"id":"a","billNum":"b","channel":"ali_app","currency":"CNY","money":"","totalFee":1,"status":"success","createdTime":%d}';
        $page = fn (int ...$times) => '200 {"code":0,"msg":"OK","results":['
            . implode(',', array_map(fn ($time) => sprintf($member, $time), $times)) . ']}';
        foreach (['-createdTime' => 'endTime', 'createdTime' => 'startTime'] as $order => $bound) {
            $road = new Road($page(9, 7), $page(7, 7), $page(7, 5), $page(5));
            $found = [];
            foreach (Stack::client(baseUrl: $road->url)->iterRecords(order: $order, pageSize: 2) as $record) {
                $found[] = $record->createdTime;
            }
            self::assertSame([9, 7, 7, 7, 7, 5, 5], $found);
            $asked = array_map(function (string $request) use ($bound): array {
                $query = json_decode(explode("\r\n\r\n", $request)[1], true);
                return [$query[$bound] ?? null, $query['skip']];
            }, $road->passed());
            self::assertSame([[null, 0], [7, 1], [7, 3], [5, 1]], $asked);
        }
    }

    public function testWebhooksAreVerifiedByTheOldAndTheNewSecret(): void
    {
        $receiver = self::$receiver;
        $rotated = Stack::operate('POST', "/webhooks/$receiver->webhook/secret/rotate", ['graceSeconds' => 600]);
        $bill = Stack::newBill();
        Stack::pay('wx_app', Stack::charge(Stack::client(), 'wx_app', $bill)->id);
        self::assertSame($bill, $receiver->event($bill, 'payment.success')->billNum);
        Stack::$secrets[$receiver->webhook] = $rotated->secret;
        self::assertSame($bill, $receiver->event($bill, 'payment.success')->billNum);
    }

    public function testTheExampleShopsOrderTurnsPaidByWebhookAndByNoForgery(): void
    {
        $port = Stack::freePort();
        $webhook = Stack::webhook("http://127.0.0.1:$port/webhook");
        $orders = sys_get_temp_dir() . "/maxpay-shop-$port";
        $shop = Stack::start(
            ['-d', 'display_errors=1', '-S', "127.0.0.1:$port", 'examples/shop.php'],
            ['MAXPAY_WEBHOOK_SECRET' => Stack::$secrets[$webhook], 'ORDERS' => $orders, 'PHP_CLI_SERVER_WORKERS' => '2'],
        );
        $ask = function (string $method, string $path, string $body = '') use ($port): ?array {
            $options = ['method' => $method, 'content' => $body, 'ignore_errors' => true, 'timeout' => 30, 'header' => 'Content-Type: text/plain'];
            $said = @file_get_contents("http://127.0.0.1:$port$path", false, stream_context_create(['http' => $options]));
            return $said === false ? null : json_decode($said, true, 512, JSON_THROW_ON_ERROR);
        };
        Stack::until('the shop', fn () => $ask('GET', '/orders/0'));

        $order = $ask('POST', '/orders', '{"item":"tea","channel":"ali_web"}');
        self::assertStringStartsWith('http', $order['pay']['ali_web']);
        self::assertSame('open', $ask('GET', "/orders/$order[order]")['status']);
        self::assertSame(['error' => 'missing-header'], $ask('POST', '/webhook', "{\"billNum\":\"$order[order]\",\"totalFee\":9900}"));
        self::assertSame('open', $ask('GET', "/orders/$order[order]")['status']);
        Stack::pay('ali_web', $order['id']);
        $paid = Stack::until('the order', fn () => $ask('GET', "/orders/$order[order]")['status'] === 'paid' ? true : null);
        self::assertTrue($paid);
        foreach (['{"item":"gold","channel":"ali_web"}', '{"item":[],"channel":"ali_web"}', '{"item":"tea"}', '[]', '1', '{', '', str_repeat('[', 200_000)] as $wrong) {
            self::assertStringContainsString('expected JSON', $ask('POST', '/orders', $wrong)['error']);
        }
        self::assertSame(['error' => 'it cannot be paid this way now'], $ask('POST', '/orders', '{"item":"tea","channel":"ali"}'));
        self::assertSame(['error' => 'no such order'], $ask('GET', '/orders/0'));
        array_map(unlink(...), glob("$orders/*"));
        rmdir($orders);
    }
}
