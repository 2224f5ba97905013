<?php

// For projects without Composer: require this file.

declare(strict_types=1);

foreach (['Errors', 'Answers', 'Transport', 'Client', 'Webhook', 'Result'] as $file) {
    require_once __DIR__ . "/src/$file.php";
}
