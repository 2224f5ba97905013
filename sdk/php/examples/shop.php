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

function charge(array $wanted): array
{
    $pay = new MaxPay\Client(getenv('MAXPAY_URL'), getenv('MAXPAY_APP_ID'), masterKey: getenv('MAXPAY_MASTER_KEY'));
    [$number, $fee] = [bin2hex(random_bytes(16)), PRICES[$wanted['item']]];
    file_put_contents(order_file($number), json_encode(['status' => 'open', 'fee' => $fee]));
    $back = "http://$_SERVER[HTTP_HOST]/orders/$number";
    $charged = $pay->charge($wanted['channel'], $number, $fee, subject: $wanted['item'], returnUrl: $back);
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

$body = file_get_contents('php://input');
try {
    $path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
    $answer = match ("$_SERVER[REQUEST_METHOD] " . strtok($path, '/')) {
        'POST orders' => charge(json_decode($body, true)),
        'POST webhook' => webhook($body),
        default => json_decode((string) @file_get_contents(order_file(basename($path))), true) ?? ['status' => 'unknown'],
    };
} catch (MaxPay\MaxPayException $error) {
    http_response_code($error instanceof MaxPay\WebhookException ? 400 : 502);
    $answer = ['error' => $error instanceof MaxPay\WebhookException ? $error->getCode() : $error->getMessage()];
}
header('Content-Type: application/json');
echo json_encode($answer);
