<?php

declare(strict_types=1);

require __DIR__ . '/../autoload.php';
require __DIR__ . '/Stack.php';

// Debian's packages of two PSR-18 clients; with Composer they are loaded already.
$autoloads = [
    \GuzzleHttp\Client::class => 'GuzzleHttp/autoload.php',
    \Symfony\Component\HttpClient\Psr18Client::class => 'Symfony/Component/HttpClient/autoload.php',
    \Nyholm\Psr7\Factory\Psr17Factory::class => 'Nyholm/Psr7/autoload.php',
];
foreach ($autoloads as $class => $file) {
    if (!class_exists($class) && stream_resolve_include_path($file) !== false) {
        require $file;
    }
}
