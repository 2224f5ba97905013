//! A real Chromium, driven over WebDriver: the dozen calls of that protocol that the stories need.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use outbound::{Bounds, Outbound};
use serde_json::{Value, json};

const BOUNDS: Bounds = Bounds { deadline: Duration::from_secs(40), body_bytes_max: 64 * 1024 * 1024 };
/// How long to wait for an element.
const ELEMENT_PATIENCE_MS: u32 = 10_000;
/// How often, and in which interval, to check whether a click led to a new page: four seconds in all.
const PAGE_LOOKS_MAX: u32 = 80;
const PAGE_PAUSE: Duration = Duration::from_millis(50);
/// How often to check for the effect of a script in the page: half a minute in all.
const CONDITION_LOOKS_MAX: u32 = 600;
/// WebDriver's name for an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// No sandbox, because it runs as root in a container; no connections to others.
const FLAGS: [&str; 10] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
];

/// So many drivers in a row may fail to start.
const DRIVERS_MAX: usize = 3;

/// A path in the target folder.
pub(crate) fn in_target(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target").join(path)
}

/// What is missing on this machine; `None` if everything is there.
pub(crate) fn missing() -> Option<String> {
    let runs =
        |program: &str| Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    for program in ["chromium", "chromedriver"] {
        if !runs(program).is_ok_and(|status| status.success()) {
            return Some(format!("there is no `{program}`"));
        }
    }
    let axe = in_target("browser/node_modules/axe-core/axe.min.js");
    (!axe.is_file()).then(|| format!("there is no {}", axe.display()))
}

/// Starts a driver on a free port, which the driver prints. On a busy machine a driver sometimes ends before that; then another one
/// is started.
fn start_driver() -> (Child, String) {
    for _ in 0..DRIVERS_MAX {
        let mut driver =
            Command::new("chromedriver").arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        // "ChromeDriver was started successfully on port 12345."
        let port = lines
            .map_while(Result::ok)
            .find_map(|line| Some(line.split_once("successfully on port ")?.1.trim_end_matches('.').to_owned()));
        match port {
            Some(port) => return (driver, port),
            None => eprintln!("a chromedriver ended before it named its port: {:?}", driver.wait()),
        }
    }
    panic!("chromedriver does not start");
}

/// A browser for one story, and its window.
pub(crate) struct Browser {
    driver: Child,
    session: String,
    outbound: Outbound,
}

impl Browser {
    /// Starts a browser with this language.
    pub(crate) async fn start(language: &str) -> Self {
        let (driver, port) = start_driver();
        let outbound = Outbound::new().unwrap();
        let mut browser = Self { driver, session: format!("http://127.0.0.1:{port}/session"), outbound };
        let options = json!({ "args": FLAGS, "prefs": { "intl.accept_languages": language } });
        let wish =
            json!({ "capabilities": { "alwaysMatch": { "browserName": "chrome", "goog:chromeOptions": options } } });
        let begun = browser.call("POST", "", wish).await;
        browser.session = format!("{}/{}", browser.session, begun["sessionId"].as_str().unwrap());
        // On a busy machine the page may come some time after the click.
        browser.call("POST", "/timeouts", json!({ "implicit": ELEMENT_PATIENCE_MS })).await;
        browser
    }

    /// One call of WebDriver's.
    async fn call(&self, method: &str, path: &str, body: Value) -> Value {
        self.try_call(method, path, body).await.unwrap_or_else(|refused| panic!("{method} {path}: {refused}"))
    }

    async fn try_call(&self, method: &str, path: &str, body: Value) -> Result<Value, Value> {
        let body = if method == "GET" { Bytes::new() } else { Bytes::from(body.to_string()) };
        let request = http::Request::builder().method(method).uri(format!("{}{path}", self.session));
        let request = request.header("content-type", "application/json").body(body).unwrap();
        let reply = self.outbound.send(request, BOUNDS).await.unwrap();
        let answer: Value = serde_json::from_slice(reply.body()).unwrap();
        if reply.status().is_success() { Ok(answer["value"].clone()) } else { Err(answer["value"].clone()) }
    }

    /// Opens an address, and waits until the page is loaded.
    pub(crate) async fn open(&self, url: &str) {
        self.call("POST", "/url", json!({ "url": url })).await;
    }

    pub(crate) async fn url(&self) -> String {
        self.call("GET", "/url", Value::Null).await.as_str().unwrap().to_owned()
    }

    async fn find(&self, css: &str) -> String {
        let found = self.call("POST", "/element", json!({ "using": "css selector", "value": css })).await;
        found[ELEMENT].as_str().unwrap().to_owned()
    }

    /// How many visible elements there are.
    pub(crate) async fn count(&self, css: &str) -> usize {
        let script = "return [...document.querySelectorAll(arguments[0])].filter((e) => e.checkVisibility()).length";
        usize::try_from(self.run(script, json!([css])).await.as_u64().unwrap()).unwrap()
    }

    /// Clicks, and waits for the page of the link or form: a busy machine may start to load it late. If no new page comes, because
    /// the page itself handled the click, it continues.
    pub(crate) async fn click(&self, css: &str) {
        let element = self.find(css).await;
        let leads = "window.isOld = true; const it = document.querySelector(arguments[0]);
            return it.matches('a[href], a[href] *') || (!!it.closest('form') && it.matches('button:not([type=button])'));";
        let leads = self.run(leads, json!([css])).await == json!(true);
        self.call("POST", &format!("/element/{element}/click"), json!({})).await;
        let is_new = json!({ "script": "return !window.isOld && document.readyState === 'complete'", "args": [] });
        for _ in 0..PAGE_LOOKS_MAX {
            // Between the two pages a call may fail.
            if !leads || self.try_call("POST", "/execute/sync", is_new.clone()).await == Ok(json!(true)) {
                return;
            }
            tokio::time::sleep(PAGE_PAUSE).await;
        }
    }

    /// Replaces the text of a field.
    pub(crate) async fn fill(&self, css: &str, text: &str) {
        let element = self.find(css).await;
        self.call("POST", &format!("/element/{element}/clear"), json!({})).await;
        self.call("POST", &format!("/element/{element}/value"), json!({ "text": text })).await;
    }

    /// Types without clearing the field: for a file's path or a date.
    pub(crate) async fn type_in(&self, css: &str, text: &str) {
        let element = self.find(css).await;
        self.call("POST", &format!("/element/{element}/value"), json!({ "text": text })).await;
    }

    /// Presses keys at the present focus. Tab is `\u{e004}`, Enter `\u{e007}`, Escape `\u{e00c}`.
    pub(crate) async fn keys(&self, keys: &str) {
        let press = |key: char| [json!({ "type": "keyDown", "value": key }), json!({ "type": "keyUp", "value": key })];
        let actions: Vec<Value> = keys.chars().flat_map(press).collect();
        let body = json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": actions }] });
        self.call("POST", "/actions", body).await;
    }

    /// The text of the focused element.
    pub(crate) async fn focused(&self) -> String {
        let script = "const it = document.activeElement; return it.innerText || it.getAttribute('aria-label') || it.id || it.tagName";
        self.run(script, json!([])).await.as_str().unwrap().to_owned()
    }

    /// Chooses an option by its value.
    pub(crate) async fn choose(&self, css: &str, value: &str) {
        self.click(&format!("{css} option[value=\"{value}\"]")).await;
    }

    /// The visible text of an element.
    pub(crate) async fn text(&self, css: &str) -> String {
        let element = self.find(css).await;
        self.call("GET", &format!("/element/{element}/text"), Value::Null).await.as_str().unwrap().to_owned()
    }

    /// The visible text of the whole page.
    pub(crate) async fn page(&self) -> String {
        self.text("body").await
    }

    /// The value of a field.
    pub(crate) async fn value(&self, css: &str) -> String {
        let script = "return document.querySelector(arguments[0]).value";
        self.run(script, json!([css])).await.as_str().unwrap().to_owned()
    }

    /// Runs the test's own script in the page. It may return a promise.
    pub(crate) async fn run(&self, script: &str, arguments: Value) -> Value {
        self.call("POST", "/execute/sync", json!({ "script": script, "args": arguments })).await
    }

    /// Waits until a script is true: for the effect of the page's own script. The page's security policy would stop a script that
    /// waits in the page.
    pub(crate) async fn until(&self, condition: &str) {
        for _ in 0..CONDITION_LOOKS_MAX {
            let body = json!({ "script": condition, "args": [] });
            if self.try_call("POST", "/execute/sync", body).await == Ok(json!(true)) {
                return;
            }
            tokio::time::sleep(PAGE_PAUSE).await;
        }
        panic!("it never came to be that {condition}; the page says:\n{}", self.page().await);
    }

    async fn devtools(&self, command: &str, parameters: Value) -> Value {
        self.call("POST", "/goog/cdp/execute", json!({ "cmd": command, "params": parameters })).await
    }

    /// Sets the system's colour scheme: light or dark.
    pub(crate) async fn scheme(&self, scheme: &str) {
        // No animations, so that pictures show the final state.
        let still = json!({ "name": "prefers-reduced-motion", "value": "reduce" });
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }, still]);
        self.devtools("Emulation.setEmulatedMedia", json!({ "features": features })).await;
    }

    /// A window of this width; a narrow one is like a phone's.
    pub(crate) async fn width(&self, width: u32) {
        let size = json!({ "width": width, "height": 860, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.devtools("Emulation.setDeviceMetricsOverride", size).await;
    }

    /// Saves downloads in this folder.
    pub(crate) async fn downloads(&self, folder: &Path) {
        let there = json!({ "behavior": "allow", "downloadPath": folder });
        self.devtools("Browser.setDownloadBehavior", there).await;
    }

    /// Switches scripts off, as some people do.
    pub(crate) async fn without_scripts(&self) {
        self.devtools("Emulation.setScriptExecutionDisabled", json!({ "value": true })).await;
    }

    /// Saves a picture of the whole page.
    pub(crate) async fn picture(&self, name: &str) {
        let shot = json!({ "format": "png", "captureBeyondViewport": true });
        let shot = self.devtools("Page.captureScreenshot", shot).await;
        let folder = in_target("screenshots");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{name}.png")), STANDARD.decode(shot["data"].as_str().unwrap()).unwrap())
            .unwrap();
    }

    /// The accessibility problems that axe finds in the page, if they are serious or worse. `rules` limits the checks.
    pub(crate) async fn barriers(&self, rules: &Value) -> Vec<String> {
        let axe = std::fs::read_to_string(in_target("browser/node_modules/axe-core/axe.min.js")).unwrap();
        self.devtools("Runtime.evaluate", json!({ "expression": axe })).await;
        let script = "return axe.run(document, { resultTypes: ['violations'], ...arguments[0] }).then((found) => found.violations \
            .filter((one) => ['serious', 'critical'].includes(one.impact)) \
            .map((one) => one.id + ': ' + one.nodes.slice(0, 3).map((node) => node.html.slice(0, 160) + ' ' + \
            node.any.map((check) => check.message).join(' ')).join(' | ')))";
        let found = self.run(script, json!([rules])).await;
        found.as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect()
    }

    /// Closes the browser.
    pub(crate) async fn end(mut self) {
        let _ = self.try_call("DELETE", "", Value::Null).await;
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
