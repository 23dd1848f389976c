// Package opus is a thin binding to libopus: mono voice, without a byte allocated per
// frame. It owns nothing but the C calls; states lie in Go memory and need no closing.
//
// The known binding for Go, hraban/opus, also wants libopusfile (or a build tag on
// every command that builds the product) for reading Ogg files, which calls never do.
package opus

/*
#cgo pkg-config: opus
#cgo noescape opus_encode
#cgo nocallback opus_encode
#cgo noescape opus_decode
#cgo nocallback opus_decode
#cgo noescape opus_packet_get_nb_samples
#cgo nocallback opus_packet_get_nb_samples
#include <opus.h>

// opus_encoder_ctl takes any number of arguments, which Go cannot pass.
static int set(OpusEncoder *e, int request, opus_int32 value) { return opus_encoder_ctl(e, request, value); }
static int reset(OpusDecoder *d) { return opus_decoder_ctl(d, OPUS_RESET_STATE); }
*/
import "C"

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"
)

// Error is a negative result of libopus.
type Error int

func (e Error) Error() string { return "opus: " + C.GoString(C.opus_strerror(C.int(e))) }

// ErrEmpty says that a packet or frame without content was given.
var ErrEmpty = errors.New("opus: nothing given")

// room makes memory for a state of n bytes, aligned as libopus wants. Whoever uses it
// keeps it: a pointer to a C type that C does not describe is no reference to the collector.
func room(n C.int) []uint64 { return make([]uint64, (int(n)+7)/8) }

// Encoder codes one stream of mono voice. It is not for use by several goroutines at once.
type Encoder struct {
	state []uint64
	p     *C.OpusEncoder // state
	o     EncoderOptions
	loss  int // percent
}

// EncoderOptions tune an Encoder.
type EncoderOptions struct {
	// Rate is the sample rate of the input: 8000, 12000, 16000, 24000 or 48000 Hz.
	Rate int
	// Bitrate in bits per second, 6000 to 510000.
	Bitrate int
	// Complexity is 0 (cheap) to 10 (best).
	Complexity int
	// DTX lets pauses shrink to packets of one or two bytes, which need not be sent.
	DTX bool
}

// NewEncoder makes an encoder for voice with in-band error correction allowed; it
// adds any when Loss says that packets get lost.
func NewEncoder(o EncoderOptions) (*Encoder, error) {
	e := &Encoder{state: room(C.opus_encoder_get_size(1))} // at any rate
	e.p = (*C.OpusEncoder)(unsafe.Pointer(&e.state[0]))
	if err := e.begin(o); err != nil {
		return nil, err
	}
	return e, nil
}

// begin makes the state anew.
func (e *Encoder) begin(o EncoderOptions) error {
	defer runtime.KeepAlive(e.state)
	if r := C.opus_encoder_init(e.p, C.opus_int32(o.Rate), 1, C.OPUS_APPLICATION_VOIP); r < 0 {
		return fmt.Errorf("opus encoder at %d Hz: %w", o.Rate, Error(r))
	}
	dtx := 0
	if o.DTX {
		dtx = 1
	}
	for _, s := range [...]struct {
		request C.int
		value   int
	}{
		{C.OPUS_SET_BITRATE_REQUEST, o.Bitrate}, {C.OPUS_SET_COMPLEXITY_REQUEST, o.Complexity},
		{C.OPUS_SET_SIGNAL_REQUEST, C.OPUS_SIGNAL_VOICE}, {C.OPUS_SET_INBAND_FEC_REQUEST, 1}, {C.OPUS_SET_DTX_REQUEST, dtx},
		{C.OPUS_SET_PACKET_LOSS_PERC_REQUEST, e.loss},
	} {
		if r := C.set(e.p, s.request, C.opus_int32(s.value)); r < 0 {
			return fmt.Errorf("set opus encoder to %+v: %w", o, Error(r))
		}
	}
	e.o = o
	return nil
}

// SetRate changes the sample rate of the input. Where it is another one the stream begins anew,
// which a listener may hear as a click: change it with the source of the sound.
func (e *Encoder) SetRate(rate int) error {
	if rate == e.o.Rate {
		return nil
	}
	o := e.o
	o.Rate = rate
	return e.begin(o)
}

// Rate is the sample rate of the input.
func (e *Encoder) Rate() int { return e.o.Rate }

// Loss tells the encoder how many of 100 packets get lost; above 0 it repeats every
// frame coarsely in the packet after it.
func (e *Encoder) Loss(percent int) {
	e.loss = max(0, min(100, percent))
	C.set(e.p, C.OPUS_SET_PACKET_LOSS_PERC_REQUEST, C.opus_int32(e.loss))
}

// Encode codes a frame of 2.5, 5, 10, 20, 40 or 60 ms into dst and returns the packet's length.
func (e *Encoder) Encode(dst []byte, pcm []int16) (int, error) {
	if len(dst) == 0 || len(pcm) == 0 {
		return 0, ErrEmpty
	}
	defer runtime.KeepAlive(e.state)
	n := C.opus_encode(e.p, (*C.opus_int16)(unsafe.Pointer(&pcm[0])), C.int(len(pcm)), (*C.uchar)(unsafe.Pointer(&dst[0])), C.opus_int32(len(dst)))
	if n < 0 {
		return 0, Error(n)
	}
	return int(n), nil
}

// Decoder decodes one stream to mono. It is not for use by several goroutines at once.
type Decoder struct {
	state []uint64
	p     *C.OpusDecoder // state
}

// NewDecoder makes a decoder whose output has the given sample rate: 8000, 12000, 16000, 24000 or 48000 Hz.
func NewDecoder(rate int) (*Decoder, error) {
	d := &Decoder{state: room(C.opus_decoder_get_size(1))}
	d.p = (*C.OpusDecoder)(unsafe.Pointer(&d.state[0]))
	if r := C.opus_decoder_init(d.p, C.opus_int32(rate), 1); r < 0 {
		return nil, fmt.Errorf("new opus decoder at %d Hz: %w", rate, Error(r))
	}
	return d, nil
}

// Reset forgets the stream.
func (d *Decoder) Reset() { C.reset(d.p) }

// Decode decodes a packet into pcm, which has room for all of it, and returns the number of samples.
func (d *Decoder) Decode(pcm []int16, packet []byte) (int, error) { return d.decode(pcm, packet, 0) }

// DecodeFEC fills pcm with the frame before packet, from what packet repeats of it, or
// conceals when it repeats nothing. len(pcm) is that frame's length.
func (d *Decoder) DecodeFEC(pcm []int16, packet []byte) (int, error) { return d.decode(pcm, packet, 1) }

// Conceal fills pcm (a multiple of 2.5 ms) in place of a lost frame; in a pause it goes on with the pause's noise.
func (d *Decoder) Conceal(pcm []int16) (int, error) {
	if len(pcm) == 0 {
		return 0, ErrEmpty
	}
	defer runtime.KeepAlive(d.state)
	return result(C.opus_decode(d.p, nil, 0, (*C.opus_int16)(unsafe.Pointer(&pcm[0])), C.int(len(pcm)), 0))
}

func (d *Decoder) decode(pcm []int16, packet []byte, fec C.int) (int, error) {
	if len(pcm) == 0 || len(packet) == 0 {
		return 0, ErrEmpty
	}
	defer runtime.KeepAlive(d.state)
	return result(C.opus_decode(d.p, (*C.uchar)(unsafe.Pointer(&packet[0])), C.opus_int32(len(packet)),
		(*C.opus_int16)(unsafe.Pointer(&pcm[0])), C.int(len(pcm)), fec))
}

func result(n C.int) (int, error) {
	if n < 0 {
		return 0, Error(n)
	}
	return int(n), nil
}

// Samples is how many samples at the given rate a packet holds, 0 when it is none.
func Samples(packet []byte, rate int) int {
	if len(packet) == 0 {
		return 0
	}
	return max(0, int(C.opus_packet_get_nb_samples((*C.uchar)(unsafe.Pointer(&packet[0])), C.opus_int32(len(packet)), C.opus_int32(rate))))
}
