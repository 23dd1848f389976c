package sip

import (
	"bytes"
	"errors"

	"github.com/gobwas/ws"

	"tingxin/sip/wire"
)

// maxWSMessage bounds a message over its frames, and a frame before any of its
// bytes are kept.
const maxWSMessage = wire.MaxHead + wire.MaxBody

// errWS means that the peer broke RFC 6455 or a bound of ours: close.
var errWS = errors.New("websocket protocol broken")

// wsFramer cuts what a browser sends into messages and control frames (RFC 6455
// 5). It may be fed any number of bytes at a time. Not safe for concurrent use.
type wsFramer struct {
	buf     []byte
	message []byte // of the fragments so far
	state   ws.State
	op      ws.OpCode
}

// Write appends bytes from the connection.
func (f *wsFramer) Write(p []byte) { f.buf = append(f.buf, p...) }

// Pending reports whether a frame or a message has begun and is not complete.
func (f *wsFramer) Pending() bool { return len(f.buf) > 0 || f.state.Fragmented() }

// Next returns the next message (OpText or OpBinary) or control frame (OpClose,
// OpPing, OpPong). ok is false when more bytes are needed. The payload is the
// caller's.
func (f *wsFramer) Next() (op ws.OpCode, payload []byte, ok bool, err error) {
	for {
		h, n, err := f.header()
		if err != nil || n == 0 || len(f.buf) < n+int(h.Length) {
			return 0, nil, false, err
		}
		payload = bytes.Clone(f.buf[n : n+int(h.Length)])
		rest := copy(f.buf, f.buf[n+int(h.Length):])
		if f.buf = f.buf[:rest]; rest == 0 && cap(f.buf) > 8<<10 {
			f.buf = nil
		}
		ws.Cipher(payload, h.Mask, 0)
		if h.OpCode.IsControl() {
			return h.OpCode, payload, true, nil
		}
		if h.OpCode != ws.OpContinuation {
			f.op = h.OpCode
		}
		f.message = append(f.message, payload...)
		if !h.Fin {
			f.state = f.state.Set(ws.StateFragmented)
			continue
		}
		f.state = f.state.Clear(ws.StateFragmented)
		payload, f.message = f.message, nil
		return f.op, payload, true, nil
	}
}

// header reads a frame header at the beginning of the buffer; n is its size, 0
// while it is not complete.
func (f *wsFramer) header() (h ws.Header, n int, err error) {
	r := bytes.NewReader(f.buf)
	h, err = ws.ReadHeader(r)
	if err != nil {
		if len(f.buf) < ws.MaxHeaderSize { // not all here
			return h, 0, nil
		}
		return h, 0, errWS
	}
	if ws.CheckHeader(h, f.state.Set(ws.StateServerSide)) != nil || h.Length < 0 || h.Length > maxWSMessage ||
		!h.OpCode.IsControl() && len(f.message)+int(h.Length) > maxWSMessage {
		return h, 0, errWS
	}
	return h, len(f.buf) - r.Len(), nil
}
