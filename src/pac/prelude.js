// What a proxy script finds around it, and the accounts that hold it in bounds.
// $data is put in before this: {names, client, others}. Runs before any line of
// the script; $add, $keys and the wrapped methods charge for every byte that a
// script makes, because the engine counts instructions only.
(function (global) {
  "use strict";
  var left = 33554432; // units: characters and elements made or looked through
  var longest = 65536; // of one string or list
  var unknown = [], usesTime = false;
  var isString = function (x) { return typeof x === "string"; };
  function size(x) {
    if (isString(x)) return x.length;
    if (x !== null && typeof x === "object" && typeof x.length === "number") return x.length;
    return 8;
  }
  function charge(n) {
    if (!(n >= 0) || n > longest) throw new Error("a value grows beyond 65,536 elements");
    left -= n + 8;
    if (left < 0) throw new Error("more memory than a script is given");
  }
  global.$add = function (a, b) {
    if (typeof a === "object" && a !== null || typeof a === "function") a = isString(a.valueOf()) || typeof a.valueOf() === "number" ? a.valueOf() : String(a);
    if (typeof b === "object" && b !== null || typeof b === "function") b = isString(b.valueOf()) || typeof b.valueOf() === "number" ? b.valueOf() : String(b);
    if (isString(a) || isString(b)) { a = String(a); b = String(b); charge(a.length + b.length); }
    return a + b;
  };
  global.$keys = function (o) {
    if (o !== null && o !== undefined) charge(isString(o) ? o.length : keysOf(o).length);
    return o;
  };
  var keysOf = Object.keys;
  var apply = Function.prototype.apply, call = Function.prototype.call;
  var invoke = call.bind(apply);
  function wrap(owner, name, before) {
    var inner = owner[name];
    if (typeof inner !== "function") return;
    var outer = function () {
      charge(size(this));
      for (var i = 0; i < arguments.length; i++) charge(size(arguments[i]));
      if (before) invoke(before, this, arguments);
      var made = invoke(inner, this, arguments);
      charge(size(made));
      return made;
    };
    Object.defineProperty(owner, name, { value: outer, writable: true, configurable: true, enumerable: false });
  }
  var checks = {
    repeat: function (n) { charge(this.length * n); },
    padStart: function (n) { charge(n); }, padEnd: function (n) { charge(n); },
    concat: function () { var sum = size(this); for (var i = 0; i < arguments.length; i++) sum += size(arguments[i]); charge(sum); },
    join: function (by) {
      var sum = 0, gap = by === undefined ? 1 : size(by);
      for (var i = 0; i < this.length; i++) sum += size(this[i]) + gap;
      charge(sum);
    },
    replace: function (what, by) { charge((this.length + 1) * (isString(by) ? by.length + 1 : 1)); },
    match: isPattern, matchAll: isPattern, search: isPattern,
    test: isShort, exec: isShort, split: function (by) { if (by instanceof Pattern) isShort(this); }
  };
  checks.replaceAll = checks.replace;
  // A string would be compiled as a pattern that nobody has looked at.
  function isPattern(what) {
    if (!(what instanceof Pattern)) throw new Error("a pattern made at run time is not evaluated");
    isShort(this);
  }
  function isShort(text) { if (size(text) > 4096) throw new Error("a text too long for a pattern"); }
  var Pattern = RegExp;
  function wrapAll(owner, keep) {
    Object.getOwnPropertyNames(owner).forEach(function (name) {
      var own = Object.getOwnPropertyDescriptor(owner, name);
      if (name !== "constructor" && typeof own.value === "function" && keep.indexOf(name) < 0) wrap(owner, name, checks[name]);
    });
  }
  wrapAll(String.prototype, ["toString", "valueOf", "charAt", "charCodeAt"]);
  wrapAll(Array.prototype, ["toString"]);
  wrapAll(RegExp.prototype, ["toString"]);
  wrap(Function.prototype, "apply");
  ["fromCharCode", "fromCodePoint"].forEach(function (name) { wrap(String, name); });
  ["keys", "values", "entries", "assign", "getOwnPropertyNames", "freeze", "create"].forEach(function (name) { wrap(Object, name); });
  delete String.raw; delete Array.from; delete Array.fromAsync; delete String.prototype.normalize;
  delete Object.groupBy; delete Object.fromEntries; delete Object.defineProperties; delete Object.getOwnPropertyDescriptors;
  delete RegExp.prototype.constructor; delete RegExp.prototype.compile;
  // One answer for one input.
  Math.random = function () { return 0; };
  var allowed = ["$data", "$add", "$keys", "$helpers", "Object", "Array", "String", "Number", "Boolean", "Math", "Date", "Error",
    "TypeError", "RangeError", "SyntaxError", "ReferenceError", "EvalError", "URIError", "undefined", "NaN", "Infinity",
    "parseInt", "parseFloat", "isNaN", "isFinite", "globalThis", "Map", "Set",
    "decodeURI", "decodeURIComponent", "encodeURI", "encodeURIComponent", "escape", "unescape"];
  var native = global.$helpers, data = global.$data;
  Object.getOwnPropertyNames(global).forEach(function (name) {
    if (allowed.indexOf(name) < 0 && name[0] !== "$") delete global[name];
  });
  delete global.$data; delete global.$helpers;
  delete Map.groupBy;
  ["encodeURI", "encodeURIComponent", "decodeURI", "decodeURIComponent", "escape", "unescape"].forEach(function (name) { wrap(global, name); });

  // The helper functions of proxy scripts.
  var isAddress = function (text) { return native.isV4(text) || text.indexOf(":") >= 0; };
  function resolve(host) {
    host = String(host).toLowerCase();
    if (isAddress(host)) return [host];
    var known = Object.prototype.hasOwnProperty.call(data.names, host) ? data.names[host] : undefined;
    if (known === undefined) { if (unknown.length < 64 && unknown.indexOf(host) < 0) unknown.push(host); return []; }
    return known;
  }
  function v4(host) {
    var all = resolve(host);
    for (var i = 0; i < all.length; i++) if (native.isV4(all[i])) return all[i];
    return null;
  }
  global.isPlainHostName = function (host) { return String(host).indexOf(".") < 0 && String(host).indexOf(":") < 0; };
  global.dnsDomainIs = function (host, domain) { return native.endsWith(String(host), String(domain)); };
  global.localHostOrDomainIs = function (host, full) {
    host = String(host).toLowerCase(); full = String(full).toLowerCase();
    return host === full || (host.indexOf(".") < 0 && full.indexOf(host + ".") === 0);
  };
  global.isResolvable = function (host) { return v4(host) !== null; };
  global.isResolvableEx = function (host) { return resolve(host).length > 0; };
  global.dnsResolve = function (host) { return v4(host); };
  global.dnsResolveEx = function (host) { return resolve(host).join(";"); };
  global.isInNet = function (host, pattern, mask) {
    var address = v4(host);
    return address !== null && native.isInNet(address, String(pattern), String(mask));
  };
  global.isInNetEx = function (host, prefix) {
    var all = resolve(host);
    for (var i = 0; i < all.length; i++) if (native.isInPrefix(all[i], String(prefix))) return true;
    return false;
  };
  global.myIpAddress = function () { return data.client; };
  global.myIpAddressEx = function () { return data.client; };
  global.convert_addr = function (text) { return native.number(String(text)); };
  global.dnsDomainLevels = function (host) { return String(host).split(".").length - 1; };
  global.shExpMatch = function (text, pattern) { return native.glob(String(text), String(pattern)); };
  global.sortIpAddressList = function (list) { return String(list).split(";").sort().join(";"); };
  global.getClientVersion = function () { return "1.0"; };
  global.alert = function () {};
  var days = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
  var months = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
  // The zone of the client is not known: without "GMT" the script is told UTC too.
  function given(list) {
    usesTime = true;
    var all = [];
    for (var i = 0; i < list.length && i < 8; i++) if (String(list[i]).toUpperCase() !== "GMT") all.push(list[i]);
    return all;
  }
  function between(low, now, high) { return low <= high ? low <= now && now <= high : now >= low || now <= high; }
  global.weekdayRange = function () {
    var all = given(arguments), day = new Date().getUTCDay();
    var first = days.indexOf(String(all[0]).toUpperCase());
    var last = all.length > 1 ? days.indexOf(String(all[1]).toUpperCase()) : first;
    return first >= 0 && last >= 0 && between(first, day, last);
  };
  global.timeRange = function () {
    var n = given(arguments).map(Number), now = new Date();
    var seconds = now.getUTCHours() * 3600 + now.getUTCMinutes() * 60 + now.getUTCSeconds();
    switch (n.length) {
      case 1: return now.getUTCHours() === n[0];
      case 2: return between(n[0] * 3600, seconds, n[1] * 3600);
      case 4: return between(n[0] * 3600 + n[1] * 60, seconds, n[2] * 3600 + n[3] * 60);
      case 6: return between(n[0] * 3600 + n[1] * 60 + n[2], seconds, n[3] * 3600 + n[4] * 60 + n[5]);
      default: return false;
    }
  };
  global.dateRange = function () {
    var all = given(arguments), now = new Date();
    var part = function (x) {
      var month = months.indexOf(String(x).toUpperCase());
      if (month >= 0) return ["m", month];
      return Number(x) > 31 ? ["y", Number(x)] : ["d", Number(x)];
    };
    var today = { y: now.getUTCFullYear(), m: now.getUTCMonth(), d: now.getUTCDate() };
    var half = all.length > 1 ? all.length / 2 : 1;
    var parts = all.map(part), low = 0, high = 0, value = 0;
    // Year, month, day in this order, those that are given.
    ["y", "m", "d"].forEach(function (unit) {
      var of = function (list) { for (var i = 0; i < list.length; i++) if (list[i][0] === unit) return list[i][1]; return null; };
      var from = of(parts.slice(0, half)), to = of(all.length > 1 ? parts.slice(half) : parts);
      if (from === null && to === null) return;
      low = low * 100 + (from === null ? 0 : from);
      high = high * 100 + (to === null ? 0 : to);
      value = value * 100 + today[unit];
    });
    return between(low, value, high);
  };
  global.$asked = function () { return unknown.join("\n"); };
  global.$timed = function () { return usesTime; };
})(globalThis);
