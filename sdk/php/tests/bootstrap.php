<?php

declare(strict_types=1);

require __DIR__ . '/../autoload.php';
require __DIR__ . '/Stack.php';

// Debian's packages of a PSR-18 client; with Composer it is loaded already.
if (!class_exists(\GuzzleHttp\Client::class) && stream_resolve_include_path('GuzzleHttp/autoload.php') !== false) {
    require 'GuzzleHttp/autoload.php';
}
