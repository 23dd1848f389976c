package sip

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"tingxin/call"
	"tingxin/media"
	"tingxin/sip/sdp"
)

// takeOffer answers an offer of the peer and configures the leg. The status is
// for a refusal: 400 for what cannot be read, 488 for what cannot be taken.
func (d *dialog) takeOffer(body []byte) (answer []byte, status int, err error) {
	desc, err := sdp.Parse(body)
	if err != nil {
		return nil, 400, err
	}
	if d.web != nil {
		ctx, cancel := context.WithTimeout(d.s.base, webWait)
		defer cancel()
		if answer, err = d.web.take(ctx, desc, body); err != nil {
			return nil, 488, err
		}
		m, _ := webOffer(desc)
		d.setHeld(!desc.DirectionOf(m).Receives())
		return answer, 0, nil
	}
	answer, agreed, err := d.neg.Answer(desc, d.wish)
	if err != nil {
		return nil, 488, err
	}
	d.relatch = d.phase != early // a new offer may come from a new address
	defer func() { d.relatch = false }()
	if err := d.configure(agreed); err != nil {
		return nil, 488, err
	}
	return answer, 0, nil
}

// takeAnswer applies the peer's answer to our offer.
func (d *dialog) takeAnswer(body []byte) error {
	if body == nil {
		return errors.New("answer without session description")
	}
	desc, err := sdp.Parse(body)
	if err != nil {
		return err
	}
	if d.web != nil {
		ctx, cancel := context.WithTimeout(d.s.base, webWait)
		defer cancel()
		return d.web.accept(ctx, body)
	}
	agreed, err := d.neg.Accept(desc)
	if err != nil {
		return err
	}
	return d.configure(agreed)
}

// configure tells the leg what was agreed, and the call when the peer holds.
func (d *dialog) configure(a *sdp.Agreed) error {
	remote, err := d.remoteMedia(a)
	if err != nil {
		return err
	}
	p := media.Params{Remote: remote, RemoteRTCP: a.RTCP, RTCPMux: a.Mux, Signalling: d.flow.remote().Addr(),
		Codec: codecOf(a.Codec), SendPT: uint8(a.SendPT), RecvPT: uint8(a.RecvPT),
		EventPT: a.EventSend, EventRecvPT: a.EventRecv, CNPT: a.Noise, PTime: a.PTime,
		Direction: d.direction(a.Direction), Relatch: d.relatch}
	if a.Keys != nil {
		p.SRTP = &media.SRTPParams{Profile: a.Keys.Suite, SendKey: a.Keys.Send, RecvKey: a.Keys.Recv}
	}
	if err := d.leg.Configure(p); err != nil {
		return fmt.Errorf("configure leg: %w", err)
	}
	d.setHeld(a.Held)
	return nil
}

// setHeld tells the call when the peer holds or takes back.
func (d *dialog) setHeld(held bool) {
	if held != d.held {
		d.held = held
		d.tell(func(h call.Handler) { h.RemoteHold(held) })
	}
}

// makeOffer offers what the session has, with the direction we wish.
func (d *dialog) makeOffer() ([]byte, error) {
	if d.web == nil {
		return d.neg.Offer(d.wish), nil
	}
	ctx, cancel := context.WithTimeout(d.s.base, webWait)
	defer cancel()
	return d.web.offer(ctx, d.wish)
}

// offering: an offer of ours waits for its answer.
func (d *dialog) offering() bool {
	if d.web != nil {
		return d.web.pending
	}
	return d.neg != nil && d.neg.Pending()
}

// dropOffer forgets an offer that was refused.
func (d *dialog) dropOffer() {
	if d.web != nil {
		d.web.pending = false
	} else if d.neg != nil {
		d.neg.Cancel()
	}
}

// reopenOffer lets a second answer to the same offer be taken.
func (d *dialog) reopenOffer() {
	if d.web != nil {
		d.web.pending = true
	} else {
		d.neg.Reopen()
	}
}

// agreed: an offer was answered.
func (d *dialog) agreed() bool {
	if d.web != nil {
		return d.web.agreed
	}
	return d.neg != nil && d.neg.Agreed() != nil
}

// direction holds back what we send until the caller expects it.
func (d *dialog) direction(dir sdp.Direction) media.Direction {
	receives := dir.Receives()
	if !d.mediaUp {
		if dir = sdp.Inactive; receives {
			dir = sdp.RecvOnly
		}
	}
	return media.Direction(dir)
}

// openMedia lets us send: a 183 with SDP or a 200 goes out now.
func (d *dialog) openMedia() {
	if d.mediaUp {
		return
	}
	d.mediaUp = true
	if d.web != nil {
		return
	}
	if a := d.neg.Agreed(); a != nil {
		if err := d.configure(a); err != nil {
			d.log.Warn("leg not reconfigured", "error", err)
		}
	}
}

// remoteMedia is where to send: c=0.0.0.0 keeps the last address, a name is
// resolved.
func (d *dialog) remoteMedia(a *sdp.Agreed) (netip.AddrPort, error) {
	switch {
	case a.Remote.IsValid():
		d.lastRemote = a.Remote
	default:
		if _, err := netip.ParseAddr(a.Host); err == nil { // unspecified: hold
			return d.lastRemote, nil
		}
		ctx, cancel := d.lookupContext()
		defer cancel()
		ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", a.Host)
		if err != nil || len(ips) == 0 {
			return netip.AddrPort{}, fmt.Errorf("media address %q has no ip address", a.Host)
		}
		d.lastRemote = netip.AddrPortFrom(ips[0].Unmap(), uint16(a.Port))
	}
	return d.lastRemote, nil
}

func codecOf(name string) media.Codec {
	switch name {
	case sdp.PCMU:
		return media.PCMU
	case sdp.G722:
		return media.G722
	case sdp.Opus:
		return media.Opus
	}
	return media.PCMA
}
