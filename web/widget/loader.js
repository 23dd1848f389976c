// The stable address of the widget: it never changes what it does, only which file it loads.
// Everything else is in that file, whose name changes with its content.
(() => {
  const me = document.currentScript;
  if (!me || window.Tingxin) return;
  const waiting = [];
  const later =
    (name) =>
    (...args) =>
      waiting.push([name, args]);
  window.Tingxin = { options: { ...me.dataset, server: new URL(me.src).origin }, waiting, script: me };
  for (const name of ['open', 'close', 'ask', 'identify']) window.Tingxin[name] = later(name);
  const script = document.createElement('script');
  script.src = `${window.Tingxin.options.server}/assets/__FILE__`;
  script.async = true;
  if (me.nonce) script.nonce = me.nonce;
  me.after(script);
})();
