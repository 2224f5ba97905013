//! Every sentence by which the operator API says why a call failed, except those about channel settings ([`providers::SettingProblem`]).
//! Codes are on the wire: the text of a sentence may change, its code may not.

use domain::Sentence;

domain::sentences! {
    /// Why a call failed.
    pub(crate) enum Wrong, WrongKind {
        // Calls in general.
        Unauthorized = "unauthorized": "Authorization: Bearer <operator token> is required";
        Forbidden { role: &'static str } = "forbidden": "this needs the role {role}";
        NotFound { what: &'static str } = "not-found": "there is no such {what}";
        Method { allowed: String } = "method": "this path takes {allowed} only";
        Internal = "internal": "the system failed; the log says more";
        Storage = "storage": "the storage failed; the log says more";
        Queue = "queue": "the queue failed; the log says more";
        Contended = "contended": "others are changing the same thing; try again";
        // Bodies.
        ContentType { found: String } = "content-type": "Content-Type must be application/json, found `{found}`";
        BodyTooLong { bytes_max: usize, found: usize } = "body-too-long": "the body must be at most {bytes_max} bytes, found {found}";
        NoObject { why: String } = "no-object": "the body must be one JSON object: {why}";
        TooDeep { depth_max: usize } = "too-deep": "the body must have at most {depth_max} levels";
        // Fields in general.
        Required { field: &'static str, expected: &'static str } = "required": "{field} is required: {expected}";
        Invalid { field: &'static str, expected: &'static str, found: String } = "invalid": "{field} must be {expected}, found `{found}`";
        Malformed { expected: &'static str, found: String } = "malformed": "must be {expected}, found `{found}`";
        Integer { min: i64, max: i64, found: String } = "integer": "must be an integer from {min} to {max}, found `{found}`";
        Bound { max: i64, found: String } = "bound": "must be an integer from 1 to {max}, or null for no bound, found `{found}`";
        Limit { max: i64 } = "limit": "must be an integer from 1 to {max}";
        Switch { found: String } = "switch": "must be true or false, found `{found}`";
        Name { chars_max: usize } = "name": "must be a string of 1 to {chars_max} characters";
        OneOf { words: String, found: String } = "one-of": "must be one of {words}, found `{found}`";
        Kind { words: String } = "kind": "must be one of {words}";
        States { found: String } = "states": "must be a list of states, found `{found}`";
        Mode = "mode": "must be live or test";
        ModeInQuery = "mode-in-query": "must be live or test, in the query string";
        KeyKind = "key-kind": "must be master or client";
        Cursor = "cursor": "must be a cursor from an answer of this list";
        ReplayCursor = "replay-cursor": "must be a cursor from an answer of a replay";
        Time = "time": "must be milliseconds since 1970";
        EndBeforeStart = "end-before-start": "must be startTime or later";
        Month = "month": "must be a year and a month, such as 202611";
        Channel = "channel": "must be a channel or ali, wx, unipay";
        SearchText { chars_max: usize } = "search-text": "must be 1 to {chars_max} characters to look for";
        HotChannels { found: String } = "hot-channels": "must be a list of channels, empty for all of them, found `{found}`";
        Status = "status": "must be created, success, refund or closed";
        ChangedByOther = "changed-by-other": "was changed by somebody else just now; try again";
        // Operators.
        OperatorName { expected: &'static str } = "operator-name": "must be {expected}";
        Taken = "taken": "is already in use";
        State = "state": "must be enabled or disabled";
        Role = "role": "must be viewer, operator or owner";
        OwnRole = "own-role": "must stay: operators cannot disable themselves or change their own role; another owner can";
        Apps { apps_max: usize } = "apps": "must be null, or a list of 1 to {apps_max} ids of apps";
        NoApp { id: String } = "no-app": "there is no app {id}";
        OwnerUnlimited = "owner-unlimited": "must be null for an owner, because owners see every app";
        Password { chars_min: usize, chars_max: usize } = "password": "must have {chars_min} to {chars_max} characters";
        PresentPassword = "present-password": "is not the current password";
        TooManyTries { seconds: String } = "too-many-tries": "too many tries; wait {seconds} seconds and try again";
        FactorByOneself = "factor-by-oneself": "operators set up their second factor themselves, in the console";
        FactorSecret = "factor-secret": "must be 20 bytes in base32";
        FactorCode = "factor-code": "is not the code that the authenticator app shows now";
        FactorRule = "factor-rule": "must be demanded or optional";
        // Channels and their accounts.
        SimulatorLive = "simulator-live": "the simulator takes no real money; it is for test mode";
        Masked = "masked": "is masked, but no value is saved; give the value";
        MaskedForGateway = "masked-for-gateway": "is masked, but the saved value is for another gateway; give the value again";
        MaskedForFile = "masked-for-file": "is masked, but the saved value is for another file; give the value again";
        ClosedAddress { address: String } = "closed-address": "{address} is not a public address";
        AccountInUse = "account-in-use": "this account is in use; delete the settings of the channel instead";
        AccountHasBusiness { open: i64, refunds: i64 } = "account-has-business": "this account still has {open} open bills and {refunds} pending refunds; give force=true to retire it anyway";
        TooManyAccounts = "too-many-accounts": "this channel has used all its account numbers";
        // Checkouts.
        Color = "color": "must be # and six hex digits, such as #1677ff";
        FrameOrigins { origins_max: usize } = "frame-origins": "must be a list of at most {origins_max} origins, such as https://shop.example";
        LogoTooLarge { bytes_max: usize } = "logo-too-large": "must be at most {bytes_max} bytes";
        LogoKind = "logo-kind": "must be an SVG or a PNG";
        VerificationFile = "verification-file": "must be MP_verify_, sixteen letters and digits, and .txt";
        TooManyFiles { files_max: usize } = "too-many-files": "there are {files_max} files already; delete one";
        // Webhooks and their deliveries.
        Target = "target": "must be {{\"url\", \"headers\"}}, {{\"function\"}} or {{\"pull\": true}}; headers may be left out";
        TargetKind = "target-kind": "cannot change between events that are sent and events that are fetched; make another webhook";
        PulledWebhook = "pulled-webhook": "nothing is sent to this webhook: its events are fetched by POST /2.0/maxpay/events";
        TargetUrl = "target-url": "must be an http or https URL";
        TargetUser = "target-user": "must have no user and no password, because they are never sent; give a header instead";
        TargetFragment = "target-fragment": "must have no #, because the part after it is never sent";
        TargetFunction = "target-function": "must be the name or the ARN of a Lambda function";
        Headers { headers_max: usize } = "headers": "must be an object of at most {headers_max} header names and text values";
        OurHeader { name: String } = "our-header": "`{name}` is set by MaxPay; leave it out";
        NoHeader { name: String } = "no-header": "`{name}` or its value is not allowed in a header";
        HeaderMasked { name: String } = "header-masked": "`{name}` is masked, but no value is saved; give the value";
        HeaderMaskedForAddress { name: String } = "header-masked-for-address": "`{name}` is masked, but the saved value is for another address; give the value again";
        QueryMasked = "query-masked": "its query is masked, but no query is saved; give the whole URL";
        QueryMaskedForAddress = "query-masked-for-address": "its query is masked, but the saved query is for another address; give the whole URL";
        Events { names: String, found: String } = "events": "must be a list of one or more of {names}, found `{found}`";
        TooManyWebhooks { webhooks_max: usize } = "too-many-webhooks": "an app has at most {webhooks_max} webhooks";
        WebhookGone { mode: &'static str } = "nobody-hears": "the webhook of this delivery was deleted, or its mode is not {mode}";
        TakenBackAlready = "taken-back-already": "the dead letters are already being taken back; look again in a minute";
        InAttempt = "in-attempt": "an attempt changes this delivery just now; look again";
        // Alerts.
        AlertTargets { targets_max: usize } = "alert-targets": "must be a list of at most {targets_max} targets, each once";
        NoAlertTarget { id: String } = "no-alert-target": "there is no target {id}";
        AlertAddress { form: &'static str } = "alert-address-form": "must be {form}";
        AlertNoSecret = "alert-no-secret": "must be left out: this kind checks no signature";
        AlertSecret { chars_max: usize } = "alert-secret": "must be 1 to {chars_max} letters, digits and signs";
        QuietHours = "quiet-hours": "must be two different full hours from 0 to 23 in Beijing: {{\"from\", \"to\"}}";
        // Money and days.
        Paid = "paid": "the transaction is paid; refund it instead";
        NotClosed { code: String, words: String } = "not-closed": "the provider refused: {code} {words}";
        RefundNum = "refund-num": "must be the number of a refund of this transaction";
        OtherProposed { num: String } = "other-proposed": "another refund `{num}` is waiting for approval";
        ProposedFee = "proposed-fee": "must be the amount that waits for approval, in fen";
        RefundBegun = "refund-begun": "the refund was begun already; see its status";
        TooManyProposed = "too-many-proposed": "too many refunds are waiting for approval";
        Batch { chars: usize } = "batch": "must be {chars} letters and digits";
        Refunds { refunds_max: usize } = "refunds": "must be a list of 1 to {refunds_max} objects with billNum, id and refundFee";
        Refused { why: Sentence } = "refused": "{why}";
        Day = "day": "must be a day such as 2026-11-23";
        DayCompared = "day-compared": "the day was compared already";
        // Incidents and days that a person dealt with.
        Note { chars_max: usize } = "note": "must be a text of at most {chars_max} characters";
        Handled { by: String } = "handled": "{by} dealt with it already; reopen it first";
        NotHandled = "not-handled": "nobody dealt with it yet";
        KeptUnreadable = "kept-unreadable": "the stored message cannot be read";
        NobodyReads = "nobody-reads": "the settings of its account are deleted, retired or unusable; save them, and replay it again";
    }
}
