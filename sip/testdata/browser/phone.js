// A softphone without a face: what the tests of package sip ask of a page with JsSIP.
window.phone = (() => {
  let ua, session, ear, socket;
  const sessions = [];
  const incoming = [];
  let waiting;
  const notes = [];
  const once = (target, names, ms = 15000) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`waited in vain for ${Object.keys(names)}`)), ms);
      for (const [name, good] of Object.entries(names))
        target.once(name, (e) => {
          clearTimeout(timer);
          if (good) resolve(e);
          else reject(new Error(`${name}: ${e?.cause ?? ''} ${e?.response?.status_code ?? e?.message?.reason_phrase ?? ''}`));
        });
    });
  const media = { audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false }, video: false };
  const common = { mediaConstraints: media, pcConfig: { iceServers: [] }, sessionTimersExpires: 1800 };

  function listen(s) {
    session = s;
    sessions.push(s);
    deaf();
    s.on('ended', (e) => notes.push(`ended ${e.originator} ${e.cause}`));
    s.on('hold', (e) => notes.push(`hold ${e.originator}`));
    s.on('unhold', (e) => notes.push(`unhold ${e.originator}`));
    s.on('icecandidate', (e) => { if (e.candidate.type === 'host') e.ready(); });
    const attach = (pc) => pc.addEventListener('track', (e) => hear(e.streams[0] ?? new MediaStream([e.track])));
    if (s.connection) attach(s.connection);
    else s.on('peerconnection', (e) => attach(e.peerconnection));
  }

  const deaf = () => {
    ear?.context.close();
    ear?.audio.remove();
    ear = undefined;
  };

  function hear(stream) {
    deaf();
    const audio = document.createElement('audio');
    audio.srcObject = stream;
    audio.autoplay = true;
    document.body.append(audio);
    const context = new AudioContext();
    const analyser = context.createAnalyser();
    analyser.fftSize = 8192;
    analyser.smoothingTimeConstant = 0;
    context.createMediaStreamSource(stream).connect(analyser);
    ear = { context, analyser, audio };
  }

  return {
    async register(url, user, auth) {
      socket = new JsSIP.WebSocketInterface(url);
      ua = new JsSIP.UA({ sockets: [socket], uri: `sip:${user}@tingxin`, register: true, connection_recovery_min_interval: 1, connection_recovery_max_interval: 2, ...auth });
      ua.on('newRTCSession', ({ originator, session: s }) => {
        if (originator !== 'remote') return;
        listen(s);
        if (waiting) waiting(s);
        else incoming.push(s);
      });
      const done = once(ua, { registered: true, registrationFailed: false });
      ua.start();
      await done;
    },
    async call(number) {
      const s = ua.call(number, common);
      listen(s);
      await once(s, { confirmed: true, failed: false });
    },
    async answer() {
      const s = incoming.shift() ?? (await new Promise((resolve) => (waiting = resolve)));
      waiting = undefined;
      const confirmed = once(s, { confirmed: true, failed: false });
      s.answer(common);
      await confirmed;
    },
    // The loudest frequency heard, Hz, and its level, dB.
    async heard(ms = 1000) {
      const end = Date.now() + ms;
      let best = { hz: 0, db: -200 };
      while (!ear) {
        if (Date.now() > end) return best;
        await new Promise((r) => setTimeout(r, 20));
      }
      const { context, analyser } = ear;
      const bins = new Float32Array(analyser.frequencyBinCount);
      await new Promise((r) => setTimeout(r, ms));
      analyser.getFloatFrequencyData(bins);
      for (let i = 2; i < bins.length; i++)
        if (bins[i] > best.db) best = { hz: (i * context.sampleRate) / analyser.fftSize, db: bins[i] };
      return best;
    },
    async hold(on) {
      if (!(await new Promise((resolve, reject) => {
        const ok = on ? session.hold({}, () => resolve(true)) : session.unhold({}, () => resolve(true));
        if (!ok) reject(new Error('not ready'));
      }))) throw new Error('hold failed');
    },
    async restartICE() {
      await new Promise((resolve, reject) => {
        if (!session.renegotiate({ rtcOfferConstraints: { iceRestart: true } }, resolve)) reject(new Error('not ready'));
      });
    },
    async drop() { // the network goes, then comes back
      const back = once(ua, { registered: true, registrationFailed: false });
      socket._ws.close();
      await back;
    },
    async dtmf(keys) { session.sendDTMF(keys, { duration: 100, interToneGap: 100 }); },
    // Blind to an address, or attended: the last call but one goes to who is at the other end of the last one.
    async refer(target) {
      const seen = [];
      const other = target ? undefined : sessions.at(-1);
      return new Promise((resolve, reject) => {
        setTimeout(() => reject(new Error(`refer: ${seen}`)), 15000);
        (other ? sessions.at(-2) : session).refer(target ?? other.remote_identity.uri, { replaces: other, eventHandlers: {
          requestSucceeded: () => seen.push('accepted'), requestFailed: (e) => reject(new Error(`requestFailed ${e.cause}`)),
          trying: () => seen.push('trying'), progress: () => seen.push('progress'),
          accepted: () => { seen.push('done'); resolve(seen); }, failed: (e) => { seen.push(`failed ${e.status_line?.status_code}`); resolve(seen); },
        } });
      });
    },
    async hangup() {
      const ended = once(session, { ended: true, failed: true });
      session.terminate();
      await ended;
    },
    async ended() { if (!session.isEnded()) await once(session, { ended: true, failed: true }); },
    async notes() { return notes.splice(0); },
    async stop() { ua.stop(); },
  };
})();
