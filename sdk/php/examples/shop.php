<?php

// A shop's backend: `php -S 127.0.0.1:8000 examples/shop.php`. It charges an order, hears by webhook that it is paid, and says so.
//
//     POST /orders {"item":"tea","channel":"ali_web"}   what the payer's page or app needs to pay
//     GET  /orders/<number>                             {"status":"open"} or {"status":"paid"}
//     POST /webhook                                     what MaxPay tells

declare(strict_types=1);

require __DIR__ . '/../autoload.php';

const PRICES = ['tea' => 9900]; // In fen. The server names the price, never the page.

/** An order is a file here: a database in a real shop. */
function order_file(string $number): string
{
    $folder = getenv('ORDERS') ?: sys_get_temp_dir() . '/maxpay-shop';
    is_dir($folder) || @mkdir($folder, 0700, true);
    return "$folder/" . preg_replace('/[^0-9a-f]/', '', $number);
}

function charge(string $body): array
{
    [$item, $channel] = [json_decode($body)->item ?? null, json_decode($body)->channel ?? null];
    if (!is_string($item) || !is_string($channel) || !isset(PRICES[$item])) {
        http_response_code(400);
        return ['error' => 'expected JSON with an item of the shop and a channel'];
    }
    $pay = new MaxPay\Client(getenv('MAXPAY_URL'), getenv('MAXPAY_APP_ID'), masterKey: getenv('MAXPAY_MASTER_KEY'));
    $number = bin2hex(random_bytes(16));
    file_put_contents(order_file($number), json_encode(['status' => 'open', 'fee' => PRICES[$item]]));
    $charged = $pay->charge($channel, $number, PRICES[$item], subject: $item, returnUrl: "http://$_SERVER[HTTP_HOST]/orders/$number");
    return ['order' => $number, 'id' => $charged->id, 'pay' => $charged->params];
}

function webhook(string $body): array
{
    $event = MaxPay\Webhook::verify($body, getallheaders(), explode(' ', getenv('MAXPAY_WEBHOOK_SECRET')), appId: getenv('MAXPAY_APP_ID'));
    $order = json_decode((string) @file_get_contents(order_file($event->billNum)), true);
    if ($event->type === 'payment.success' && $order !== null && $event->totalFee === $order['fee']) {
        // A second webhook of the same event changes nothing.
        file_put_contents(order_file($event->billNum), json_encode(['status' => 'paid'] + $order), LOCK_EX);
    }
    return [];
}

function order(string $number): array
{
    $order = json_decode((string) @file_get_contents(order_file($number)), true);
    http_response_code($order === null ? 404 : 200);
    return $order ?? ['error' => 'no such order'];
}

$body = file_get_contents('php://input', length: 100_000); // What is cut off is no JSON, and is signed by nobody.
$path = (string) strtok($_SERVER['REQUEST_URI'], '?');
header('Content-Type: application/json');
try {
    $answer = match ("$_SERVER[REQUEST_METHOD] " . strtok($path, '/')) {
        'POST orders' => charge($body), 'POST webhook' => webhook($body), default => order(basename($path)),
    };
} catch (MaxPay\WebhookException $error) {
    http_response_code(400);
    $answer = ['error' => $error->getCode()];
} catch (MaxPay\MaxPayException $error) {
    error_log($error->getMessage()); // It is the shop's matter, and no visitor's.
    http_response_code(502);
    $answer = ['error' => 'it cannot be paid this way now'];
}
echo json_encode($answer);
