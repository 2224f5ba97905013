<?php

// Keeps what arrives, a line a webhook.

declare(strict_types=1);

if ($_SERVER['REQUEST_METHOD'] === 'GET') {
    exit('ready');
}
$line = json_encode([getallheaders(), base64_encode(file_get_contents('php://input'))], JSON_THROW_ON_ERROR);
file_put_contents(getenv('RECEIVED'), "$line\n", FILE_APPEND | LOCK_EX);
