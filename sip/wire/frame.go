package wire

import (
	"bytes"
	"errors"
	"strings"
)

// ErrBroken means that the stream has lost its message borders: answer what
// Next returned with it, if anything, and close.
var ErrBroken = errors.New("sip stream framing lost")

// Framer cuts a TCP, TLS or similar stream into messages (RFC 3261 18.3). Its
// buffer never passes MaxHead+MaxBody. Not safe for concurrent use.
type Framer struct {
	buf  []byte
	ping bool

	skipped int
}

// Write appends bytes from the connection.
func (f *Framer) Write(p []byte) { f.buf = append(f.buf, p...) }

// Pending reports whether a message has begun and is not complete.
func (f *Framer) Pending() bool { return len(f.buf) > 0 }

// Ping reports (once) that a double CRLF keep-alive came (RFC 5626 3.5.1); the
// answer is a single CRLF.
func (f *Framer) Ping() bool {
	p := f.ping
	f.ping = false
	return p
}

// Next returns the next complete message, or nil when more bytes are needed.
// With ErrBroken the message (possibly nil) is the last one of the stream.
func (f *Framer) Next() (*Message, error) {
	f.skipKeepAlive()
	end := headEnd(f.buf)
	if end < 0 {
		if len(f.buf) > MaxHead || len(f.buf) > 8 && !looksLikeSIP(f.buf) {
			return nil, ErrBroken
		}
		return nil, nil
	}
	if end > MaxHead {
		return nil, ErrBroken
	}
	m, err := parseHead(string(f.buf[:end]))
	if err != nil && !isStatusLine(f.buf) {
		return nil, ErrBroken
	}
	skip := err != nil // a response nobody can represent: its length still counts
	if skip {
		m = &Message{}
		_, rest, _ := strings.Cut(string(f.buf[:end]), "\n")
		m.headerLines(rest)
	}
	n, has := m.bodyLength()
	if !has && m.Has("Content-Type") { // there is a body and its end cannot be known (RFC 3261 18.3)
		m.note(&Fault{Status: 400, Reason: "Missing Content-Length", Close: true})
	}
	if m.fault != nil && m.fault.Close {
		f.buf = nil
		return m, ErrBroken
	}
	if len(f.buf) < end+n {
		return nil, nil
	}
	m.Body = bytes.Clone(f.buf[end : end+n])
	rest := copy(f.buf, f.buf[end+n:])
	if f.buf = f.buf[:rest]; rest == 0 && cap(f.buf) > 8<<10 {
		f.buf = nil
	}
	if skip {
		f.skipped++
		return f.Next()
	}
	return m, nil
}

// Skipped returns how many unreadable responses were passed over since the
// last call.
func (f *Framer) Skipped() int {
	n := f.skipped
	f.skipped = 0
	return n
}

func isStatusLine(b []byte) bool { return len(b) > 4 && strings.EqualFold(string(b[:4]), "SIP/") }

// Unfinished returns the message whose body never came whole, for the answer
// before closing, or nil.
func (f *Framer) Unfinished() *Message {
	end := headEnd(f.buf)
	if end < 0 {
		return nil
	}
	m, err := parseHead(string(f.buf[:end]))
	if err != nil {
		return nil
	}
	m.note(&Fault{Status: 400, Reason: "Body Shorter Than Content-Length", Close: true})
	return m
}

func (f *Framer) skipKeepAlive() {
	i := 0
	for i < len(f.buf) && (f.buf[i] == '\r' || f.buf[i] == '\n') {
		i++
	}
	if i >= 4 {
		f.ping = true
	}
	if i > 0 && (i < len(f.buf) || i >= 4) {
		f.buf = f.buf[:copy(f.buf, f.buf[i:])]
	}
}

// looksLikeSIP refuses binary and other protocols early: the first line must
// begin with a token and a space, or with a version.
func looksLikeSIP(b []byte) bool {
	for i := 0; i < len(b) && i < 64; i++ {
		if b[i] == ' ' || b[i] == '/' {
			return i > 0
		}
		if !tokenByte(b[i]) {
			return false
		}
	}
	return len(b) < 64
}
