<?php

// A road to the stack with faults in it: `php road.php PORT FILE FAULT...`. FILE gets a line at the start, and one for each request.

declare(strict_types=1);

[, $port, $file] = $argv;
$faults = array_slice($argv, 3);
$server = stream_socket_server("tcp://127.0.0.1:$port");
file_put_contents($file, "ready\n");
while ($connection = stream_socket_accept($server, 300)) {
    $request = read_message($connection);
    if ($request === '') {
        fclose($connection);
        continue;
    }
    file_put_contents($file, base64_encode($request) . "\n", FILE_APPEND);
    $fault = array_shift($faults) ?? 'pass';
    if ($fault === 'drip') {
        drip($connection);
    } elseif ($fault !== 'drop') {
        fwrite($connection, said($fault, $request));
    }
    fclose($connection);
}

/** A message by its Content-Length, or what came before the other side closed. */
function read_message($connection): string
{
    $message = '';
    while (($part = fread($connection, 65536)) !== false && $part !== '') {
        $message .= $part;
        [$head, $body] = explode("\r\n\r\n", $message, 2) + [1 => null];
        if ($body !== null && preg_match('/^content-length: *(\d+)/mi', $head, $length) && strlen($body) >= (int) $length[1]) {
            break;
        }
    }
    return $message;
}

function said(string $fault, string $request): string
{
    $stack = getenv('MAXPAY_URL');
    [$status, $body] = explode(' ', $fault, 2) + [1 => '{"message":"of the road"}'];
    return match (true) {
        $fault === '14' => answer('503', '{"code":14,"msg":"RUN_TIME_ERROR","err":"our own fault"}'),
        $fault === 'cut off' => "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"code\":0",
        $fault === 'redirect' => "HTTP/1.1 308 Permanent Redirect\r\nLocation: $stack/2.0/maxpay/records\r\nContent-Length: 0\r\n\r\n",
        $fault === 'pass' => passed_on($request),
        $fault === 'lose the answer' => passed_on($request) === '' ? '' : '',
        default => answer($status, $body),
    };
}

function answer(string $status, string $body): string
{
    return "HTTP/1.1 $status Said\r\nContent-Type: application/json\r\nApigw-Requestid: r-1\r\nConnection: close\r\nContent-Length: " . strlen($body) . "\r\n\r\n$body";
}

function passed_on(string $request): string
{
    $stack = parse_url(getenv('MAXPAY_URL'));
    $onward = stream_socket_client("tcp://$stack[host]:$stack[port]", $code, $problem, 30);
    fwrite($onward, $request);
    $answer = read_message($onward);
    fclose($onward);
    return preg_replace('/^connection:.*\r\n/mi', '', $answer, 1);
}

function drip($connection): void
{
    fwrite($connection, "HTTP/1.1 200 OK\r\nX-Long: ");
    while (@fwrite($connection, 'H') !== false) {
        usleep(50_000);
    }
}
