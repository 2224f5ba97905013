(function () {
  'use strict';
  var data = document.body.dataset, status = document.getElementById('status');
  var began = Date.now(), timer = 0, failures = 0, asking = false;

  function go(address) { location.replace(address); }
  function say(text) { if (status && text) status.textContent = text; }

  // A form is sent once. A page that comes back out of the browser's memory is fresh again.
  document.addEventListener('submit', function (event) {
    var form = event.target;
    if (form.sent) { event.preventDefault(); return; }
    form.sent = true;
    setTimeout(function () { lock(true); }, 0);
  });
  function lock(on) {
    Array.prototype.forEach.call(document.forms, function (form) {
      if (!on) form.sent = false;
      Array.prototype.forEach.call(form.querySelectorAll('button'), function (button) { button.disabled = on; });
    });
  }
  window.addEventListener('pageshow', function (event) {
    if (!event.persisted) return;
    lock(false);
    if (data.go) go(data.go); else if (data.state) ask();
  });

  if (data.go) setTimeout(function () { go(data.go); }, Number(data.wait) || 0);
  if (!data.state) return;

  // Every two seconds for three minutes, then every ten; not while nobody looks; more slowly while the answers fail.
  function wait() {
    clearTimeout(timer);
    if (document.hidden) return;
    var pause = Date.now() - began < 180000 ? 2000 : 10000;
    timer = setTimeout(ask, Math.max(pause, Math.min(30000, failures * 4000)));
  }
  function ask() {
    if (asking) return;
    asking = true;
    var call = new XMLHttpRequest();
    call.open('GET', data.state);
    call.timeout = 8000;
    call.onloadend = function () {
      var found = '';
      asking = false;
      try { if (call.status === 200) found = JSON.parse(call.responseText).state; } catch (error) { found = ''; }
      if (found && found !== 'open') { go(data.home); return; }
      failures = found ? 0 : failures + 1;
      wait();
    };
    call.send();
  }
  document.addEventListener('visibilitychange', function () { if (!document.hidden) ask(); });
  wait();

  // Inside a wallet: its own bridge takes the order. What it says is shown; the state decides.
  function whenReady(name, event, call) {
    if (window[name]) call(); else document.addEventListener(event, call, { once: true });
  }
  function heard(outcome) {
    say(outcome === 'done' ? data.confirming : outcome === 'cancelled' ? data.cancelled : data.failed);
    ask();
  }
  function wechat() {
    whenReady('WeixinJSBridge', 'WeixinJSBridgeReady', function () {
      window.WeixinJSBridge.invoke('getBrandWCPayRequest', JSON.parse(data.wechat), function (answer) {
        var said = String(answer && answer.err_msg);
        heard(/:ok$/.test(said) ? 'done' : /:cancel$/.test(said) ? 'cancelled' : 'failed');
      });
    });
  }
  function alipay() {
    whenReady('AlipayJSBridge', 'AlipayJSBridgeReady', function () {
      window.AlipayJSBridge.call('tradePay', { orderStr: data.alipay }, function (answer) {
        var code = String(answer && answer.resultCode);
        heard(code === '9000' || code === '8000' || code === '6004' ? 'done' : code === '6001' ? 'cancelled' : 'failed');
      });
    });
  }
  var call = data.wechat ? wechat : data.alipay ? alipay : null;
  if (!call) return;
  document.getElementById('again').addEventListener('click', call);
  call();
})();
