import { SIPCall, type Ticket } from './sip';

export type CallPhase = 'connecting' | 'ringing' | 'talking' | 'ended' | 'failed';

/** How long addresses of the network are gathered, ms: the first of them is enough without a relay. */
const gatherTime = 1500;

/** Phone is one voice call of the visitor: the microphone, the connection and its signalling. */
export class Phone {
  phase: CallPhase = 'connecting';
  since = 0;
  muted = false;
  /** The SIP status of a call that did not come about. */
  status = 0;
  readonly ear = new Audio();
  private pc: RTCPeerConnection | null = null;
  private call: SIPCall | null = null;
  private meter: { context: AudioContext; node: AnalyserNode; buffer: Uint8Array<ArrayBuffer> } | null = null;
  private over = false;

  private constructor(
    private readonly stream: MediaStream,
    private readonly changed: () => void,
  ) {
    this.ear.autoplay = true;
  }

  /** start asks for the microphone, then for the ticket, and calls. It throws when either is refused. */
  static async start(url: string, ticket: () => Promise<Ticket>, changed: () => void): Promise<Phone> {
    // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- it is missing in insecure pages
    if (!navigator.mediaDevices) throw new DOMException('insecure', 'NotAllowedError');
    const stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true }, video: false });
    const phone = new Phone(stream, changed);
    try {
      await phone.dial(url, await ticket());
    } catch (error) {
      phone.close();
      throw error;
    }
    return phone;
  }

  private async dial(url: string, ticket: Ticket): Promise<void> {
    const pc = new RTCPeerConnection({ iceServers: ticket.ice_servers });
    this.pc = pc;
    for (const track of this.stream.getTracks()) pc.addTrack(track, this.stream);
    pc.ontrack = ({ streams, track }) => {
      this.ear.srcObject = streams[0] ?? new MediaStream([track]);
      this.ear.play().catch(() => undefined);
    };
    pc.onconnectionstatechange = () => {
      if (pc.connectionState === 'failed') this.hangUp();
    };
    this.listen();
    await pc.setLocalDescription(await pc.createOffer());
    await gathered(pc);
    let answered = '';
    this.call = new SIPCall(ticket, {
      ringing: () => {
        this.phase = 'ringing';
        this.changed();
      },
      media: async (sdp, final) => {
        // A 200 repeats what a 183 said.
        if (sdp && sdp !== answered && pc.signalingState === 'have-local-offer') {
          answered = sdp;
          await pc.setRemoteDescription({ type: 'answer', sdp });
        }
        if (final) {
          this.phase = 'talking';
          this.since = Date.now();
          this.changed();
        }
      },
      offer: async (sdp) => {
        await pc.setRemoteDescription({ type: 'offer', sdp });
        await pc.setLocalDescription(await pc.createAnswer());
        await gathered(pc);
        return pc.localDescription?.sdp ?? '';
      },
      ended: (status) => {
        this.status = status;
        this.phase = this.since > 0 || status === 0 || status === 487 ? 'ended' : 'failed';
        this.close();
        this.changed();
      },
    });
    this.call.dial(url, pc.localDescription?.sdp ?? '');
  }

  mute(on: boolean): void {
    this.muted = on;
    for (const track of this.stream.getAudioTracks()) track.enabled = !on;
    this.changed();
  }

  /** press sends a key of a telephone. */
  press(key: string): void {
    this.pc?.getSenders().find((sender) => sender.dtmf)?.dtmf?.insertDTMF(key, 120, 70);
  }

  hangUp(): void {
    this.call?.hangUp();
  }

  /** level is how loud the visitor is, 0 to 1. */
  level(): number {
    if (!this.meter || this.muted) return 0;
    this.meter.node.getByteTimeDomainData(this.meter.buffer);
    let most = 0;
    for (const v of this.meter.buffer) most = Math.max(most, Math.abs(v - 128));
    return Math.min(1, most / 64);
  }

  private listen(): void {
    const context = new AudioContext();
    const node = context.createAnalyser();
    node.fftSize = 512;
    context.createMediaStreamSource(this.stream).connect(node);
    this.meter = { context, node, buffer: new Uint8Array(node.fftSize) };
  }

  private close(): void {
    if (this.over) return;
    this.over = true;
    for (const track of this.stream.getTracks()) track.stop();
    this.pc?.close();
    this.ear.srcObject = null;
    void this.meter?.context.close();
    this.meter = null;
  }
}

/** gathered waits for the addresses of the network; all are in the one description. */
function gathered(pc: RTCPeerConnection): Promise<void> {
  return new Promise((done) => {
    if (pc.iceGatheringState === 'complete') {
      done();
      return;
    }
    const timer = setTimeout(done, gatherTime);
    pc.addEventListener('icegatheringstatechange', () => {
      if (pc.iceGatheringState !== 'complete') return;
      clearTimeout(timer);
      done();
    });
  });
}
