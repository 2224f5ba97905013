// Made by scripts/types.mjs from docs/openapi.yaml. Change that document, and run `npm run types`.

export type paths = Record<string, never>;
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        chargeBillBody: components["schemas"]["Charge"];
        makeCheckoutBody: components["schemas"]["Checkout"];
        queryRecordsBody: components["schemas"]["RecordsQuery"];
        createSessionTokenBody: {
            ttlSeconds: components["schemas"]["TtlSeconds"];
            userId?: components["schemas"]["UserId"];
        };
        syncBillBody: {
            billNum: components["schemas"]["BillNum"];
            channel?: components["schemas"]["ChannelOrFamily"];
        };
        refundBillBody: {
            billNum: components["schemas"]["BillNum"];
            /** @description Needed only where the bill was paid on several channels */
            channel?: components["schemas"]["Channel"];
            /** @description The transaction, needed only where one channel was paid several times */
            id?: components["schemas"]["Id"];
            refundNum: components["schemas"]["RefundNum"];
            refundFee: components["schemas"]["Fen"];
            reason?: components["schemas"]["Reason"];
        };
        queryRefundsBody: {
            billNum?: components["schemas"]["BillNum"];
            refundNum?: components["schemas"]["RefundNum"];
        };
        closeBillBody: {
            billNum: components["schemas"]["BillNum"];
            channel?: components["schemas"]["Channel"];
        };
        fetchEventsBody: {
            /** @description Needed only if the app has several webhooks of the kind pull in the key's mode */
            webhook?: components["schemas"]["Id"];
            /** @description The `cursor` of the page before */
            cursor?: string;
        };
        acknowledgeEventsBody: {
            /** @description The `id` of each event */
            ids: string[];
        };
        PaymentSuccess: components["schemas"]["WebhookBody"] & {
            /** @constant */
            status?: "success";
        };
        PaymentClosed: components["schemas"]["WebhookBody"] & {
            /** @constant */
            event: "payment.closed";
            /** @constant */
            status?: "closed";
        };
        RefundSuccess: components["schemas"]["WebhookBody"] & {
            /** @constant */
            event: "refund.success";
            /** @description If it was asked for here */
            refundNum?: components["schemas"]["RefundNum"];
            refundFee?: components["schemas"]["Fen"];
            /** @description All that is back as of this event */
            refundedFee?: components["schemas"]["Fen"];
        };
        RefundFailed: components["schemas"]["WebhookBody"] & components["schemas"]["RefundTrouble"] & {
            /** @constant */
            event?: "refund.failed";
        };
        RefundStuck: components["schemas"]["WebhookBody"] & components["schemas"]["RefundTrouble"] & {
            /** @constant */
            event?: "refund.stuck";
        };
        PaymentMismatch: components["schemas"]["WebhookBody"] & {
            /** @constant */
            event: "payment.mismatch";
            kind: components["schemas"]["IncidentKind"];
            problem: string;
            /** @description With the kind `price`: what the server charges for the bill, in fen */
            serverFee?: components["schemas"]["Fen"];
        };
        PaymentDuplicate: components["schemas"]["WebhookBody"] & {
            /** @constant */
            event: "payment.duplicate";
            /** @description The transaction that counts */
            duplicateOf: components["schemas"]["Id"];
        };
        WebhookBody: {
            appid: components["schemas"]["Id"];
            billNum: components["schemas"]["BillNum"];
            channel: components["schemas"]["Channel"];
            /** @description 0 in a test */
            createdTime: components["schemas"]["Time"];
            /** @constant */
            currency: "CNY";
            endTime?: components["schemas"]["Time"];
            /** @description What came with the charge, to the letter */
            extras: {
                [key: string]: unknown;
            };
            id: components["schemas"]["Id"];
            /** @description md5hex(appid + masterKey + timestamp) */
            sign: string;
            status: components["schemas"]["Status"];
            /** @description The moment of this attempt */
            timestamp: components["schemas"]["Time"];
            totalFee: components["schemas"]["Fen"];
        };
        /** @example 568a12086e912100017722e5 */
        Id: string;
        /** @description The merchant's own order number, without control characters */
        BillNum: string;
        /** @enum {string} */
        Channel: "ali_app" | "ali_web" | "ali_wap" | "ali_qrcode" | "wx_app" | "wx_jsapi" | "wx_native" | "wx_h5" | "wx_lite" | "unipay_app" | "unipay_web" | "applepay_upacp";
        /** @description Milliseconds since 1970 UTC */
        Time: number;
        /** @enum {string} */
        Status: "created" | "success" | "refund" | "closed";
        /** @description 1/100 CNY */
        Fen: number;
        /** @enum {string} */
        IncidentKind: "unknown" | "account" | "order" | "amount" | "closed-after-payment" | "day-not-compared" | "paid-again" | "refunded-too-much" | "refund-amount" | "refund-contradiction" | "refund-failed" | "refund-paused" | "refund-stuck" | "refund-unknown" | "duplicate" | "price" | "forged";
        RefundTrouble: {
            event: string;
            refundNum: components["schemas"]["RefundNum"];
            refundFee: components["schemas"]["Fen"];
            /** @description All that is back as of this event */
            refundedFee: number;
            /** @description The provider's code and words */
            failure: string;
        };
        /** @description Unique in the app */
        RefundNum: string;
        ChargedAliApp: components["schemas"]["ChargedAlipay"];
        ChargedAliWeb: components["schemas"]["ChargedAlipay"];
        ChargedAliWap: components["schemas"]["ChargedAlipay"];
        ChargedAliQrcode: components["schemas"]["Charged"] & {
            /** @description The string to draw as a QR code */
            codeUrl: string;
        };
        ChargedWxApp: components["schemas"]["Charged"] & {
            appid: string;
            partnerid: string;
            prepayid: string;
            /** @constant */
            package: "Sign=WXPay";
            noncestr: string;
            /** @description In seconds */
            timestamp: string;
            sign: string;
        };
        ChargedWxJsapi: components["schemas"]["Charged"] & {
            appId: string;
            /** @description In seconds */
            timeStamp: string;
            nonceStr: string;
            package: string;
            /** @enum {string} */
            signType: "RSA" | "MD5" | "HMAC-SHA256";
            paySign: string;
        };
        ChargedWxNative: components["schemas"]["Charged"] & {
            /** @description Where the provider gives one */
            prepayid?: string;
            /** @description The string to draw as a QR code */
            codeUrl: string;
        };
        ChargedWxH5: components["schemas"]["Charged"] & {
            /**
             * Format: uri
             * @description The page that opens WeChat
             */
            wx_h5: string;
        };
        /** @description The parameters of `wx.requestPayment` in a mini program, under its own app */
        ChargedWxLite: components["schemas"]["ChargedWxJsapi"];
        ChargedUnipayApp: components["schemas"]["Charged"] & {
            /** @description UnionPay's number of the order, for its control */
            tn: string;
        };
        ChargedUnipayWeb: components["schemas"]["Charged"] & {
            /** @description A page with one form that submits itself */
            html: string;
        };
        /** @description The same order as that of unipay_app */
        ChargedApplepayUpacp: components["schemas"]["ChargedUnipayApp"];
        Failure: {
            /** @enum {integer} */
            code: 1 | 2 | 3 | 4 | 5 | 6 | 7 | 14;
            /** @enum {string} */
            msg: "APP_INVALID" | "PAY_FACTOR_NOT_SET" | "CHANNEL_INVALID" | "MISS_PARAM" | "PARAM_INVALID" | "CERT_FILE_ERROR" | "CHANNEL_ERROR" | "RUN_TIME_ERROR";
            /** @description What is wrong, with the field and what was expected */
            err: string;
        };
        CheckoutMade: components["schemas"]["Done"] & {
            /**
             * Format: uri
             * @description The page
             */
            url: string;
            /** @description The page's address as a QR code, an SVG picture */
            qr: string;
            expiresAt: components["schemas"]["Time"];
        };
        Records: components["schemas"]["Done"] & {
            results: components["schemas"]["Record"][];
        };
        Done: {
            /** @constant */
            code: 0;
            /** @constant */
            msg: "OK";
        };
        Session: {
            token: string;
            expiresAt: components["schemas"]["Time"];
        };
        Refund: {
            refundNum: components["schemas"]["RefundNum"];
            billNum: components["schemas"]["BillNum"];
            id: components["schemas"]["Id"];
            channel: components["schemas"]["Channel"];
            refundFee: components["schemas"]["Fen"];
            /** @enum {string} */
            status: "pending" | "stuck" | "success" | "failed";
            createdTime: components["schemas"]["Time"];
            /** @description Once it is decided */
            endTime?: components["schemas"]["Time"];
            reason?: components["schemas"]["Reason"];
            /** @description The provider's code and words, where it refused, where the balance does not suffice yet, or where a person must act */
            failure?: string;
        };
        Record: {
            id: components["schemas"]["Id"];
            billNum: components["schemas"]["BillNum"];
            channel: components["schemas"]["Channel"];
            createdTime: components["schemas"]["Time"];
            /** @description When it was paid or closed */
            endTime?: components["schemas"]["Time"];
            /** @constant */
            currency: "CNY";
            /** @example ¥ 0.01 */
            money: string;
            totalFee: components["schemas"]["Fen"];
            /** @description What went back so far; absent until something did */
            refundedFee?: components["schemas"]["Fen"];
            status: components["schemas"]["Status"];
            extras?: {
                [key: string]: unknown;
            };
        };
        FetchedEvent: {
            /** @description What is acknowledged. `webhook-id` names the event for its receiver */
            id: string;
            event: components["schemas"]["Event"];
            createdTime: components["schemas"]["Time"];
            headers: components["schemas"]["Headers"];
            /** @description The text that is signed, of the form of the webhook with that name */
            body: string;
        };
        /** @enum {string} */
        Event: "payment.success" | "refund.success" | "refund.failed" | "refund.stuck" | "payment.closed" | "payment.mismatch" | "payment.duplicate";
        Headers: {
            [key: string]: string;
        };
        /** @description In words for the payer, without control characters */
        Reason: string;
        Charged: components["schemas"]["Done"] & {
            /** @description The transaction */
            id: components["schemas"]["Id"];
        };
        /** @description All three come together, as far as the account's keys can make them; clients read the one of their channel. */
        ChargedAlipay: components["schemas"]["Charged"] & {
            /** @description The signed order string for the Alipay SDK */
            ali_app?: string;
            /**
             * Format: uri
             * @description Where the browser goes
             */
            ali_web?: string;
            /**
             * Format: uri
             * @description Where the phone's browser goes
             */
            ali_wap?: string;
        };
        Charge: {
            channel: components["schemas"]["Channel"];
            billNum: components["schemas"]["BillNum"];
            /** @description At most 9999999999 at WeChat Pay */
            totalFee: components["schemas"]["Fen"];
            subject: components["schemas"]["Subject"];
            /** @description At most 8192 bytes of JSON, nested at most 32 deep, without names that begin with U+0000, which PHP cannot read (an empty list is PHP's empty object); comes back to the letter. Those of the first charge are kept */
            extras?: {
                [key: string]: unknown;
            };
            /** @description Where the browser goes afterwards; some channels require it */
            returnUrl?: components["schemas"]["WebUrl"];
            showUrl?: components["schemas"]["WebUrl"];
            /**
             * @description Seconds
             * @default 7200
             */
            billTimeout?: number;
            /** @enum {unknown} */
            qrPayMode?: 0 | 1 | 2 | 3 | 4 | "0" | "1" | "2" | "3" | "4";
            /** @description The payer within WeChat; wx_jsapi and wx_lite require it, of letters, digits, `_` and `-`. It belongs to the official account, or to the mini program */
            openid?: string;
            /** @description The payer's own address; required for wx_h5. An IPv4 in the form `::ffff:203.0.113.8` is taken as that IPv4, and a zone (`%eth0`) is left out */
            clientIp?: string;
        };
        Checkout: {
            billNum: components["schemas"]["BillNum"];
            /** @description At most 9999999999 at WeChat Pay */
            totalFee: components["schemas"]["Fen"];
            subject: components["schemas"]["Subject"];
            /** @description As for a charge; each try of the checkout has them */
            extras?: {
                [key: string]: unknown;
            };
            /** @description Where the payer goes afterwards, with the signed result */
            returnUrl: components["schemas"]["WebUrl"];
            /** @description Where a payer goes who leaves without paying, with the signed result; without it, to `returnUrl` */
            cancelUrl?: components["schemas"]["WebUrl"];
            /** @description What may be offered; without it, every channel that is configured and works where the page is opened. A checkout can offer `ali_app`, `ali_web`, `ali_wap`, `wx_jsapi`, `wx_native`, `wx_h5` and `unipay_web` */
            channels?: components["schemas"]["Channel"][];
            /**
             * @description Seconds. An open checkout keeps its end
             * @default 7200
             */
            expiresIn?: number;
            /**
             * @description The language of the page; without it, the browser's
             * @enum {unknown}
             */
            locale?: "zh-CN" | "en";
        };
        RecordsQuery: {
            channel?: components["schemas"]["ChannelOrFamily"];
            billNum?: components["schemas"]["BillNum"];
            /** @description An older name of billNum, which counts where it is alone */
            billNo?: components["schemas"]["BillNum"];
            status?: components["schemas"]["Status"];
            /** @description On createdTime, inclusive */
            startTime?: components["schemas"]["Time"];
            /** @description On createdTime, inclusive */
            endTime?: components["schemas"]["Time"];
            /** @default 0 */
            skip?: number;
            /** @default 20 */
            limit?: number;
            /**
             * @default -createdTime
             * @enum {unknown}
             */
            order?: "createdTime" | "-createdTime" | "createdAt" | "-createdAt";
        };
        TtlSeconds: number;
        UserId: string;
        /** @description A channel, or a family: `ali`, `wx`, `unipay` */
        ChannelOrFamily: components["schemas"]["Channel"] | ("ali" | "wx" | "unipay");
        /** @description What is bought: no control characters, and not only blanks */
        Subject: string;
        /** @description http or https, its host in ASCII; the 256 characters count percent-encoded */
        WebUrl: string;
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export type operations = Record<string, never>;
