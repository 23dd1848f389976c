package audio

import "testing"

// muTable and aTable are the positive halves of ITU-T G.711 tables 2a and 1a: per
// segment the first decision value and the step, in the units of the recommendation
// (14 bit for mu-law, 13 bit for A-law).
func muDefinition(code byte) int {
	code = ^code
	seg, q := int(code>>4)&7, int(code)&15
	start := 33<<seg - 33   // first output value of the segment: 0, 33, 99, 231, ...
	v := start + q*(2<<seg) // plus 2^(seg+1) per step
	if code&0x80 != 0 {
		return -v
	}
	return v
}

func aDefinition(code byte) int {
	code ^= 0x55
	seg, q := int(code>>4)&7, int(code)&15
	var v int
	if seg == 0 {
		v = 2*q + 1
	} else {
		v = (32 + 2*q + 1) << (seg - 1)
	}
	if code&0x80 == 0 {
		return -v
	}
	return v
}

func TestG711DecodeIsTheDefinition(t *testing.T) {
	var pcm [1]int16
	for i := range 256 {
		DecodeMu(pcm[:], []byte{byte(i)})
		if want := muDefinition(byte(i)) * 4; int(pcm[0]) != want {
			t.Fatalf("mu %#02x: %d, want %d", i, pcm[0], want)
		}
		DecodeA(pcm[:], []byte{byte(i)})
		if want := aDefinition(byte(i)) * 8; int(pcm[0]) != want {
			t.Fatalf("a %#02x: %d, want %d", i, pcm[0], want)
		}
	}
	for _, g := range []struct {
		mu   bool
		code byte
		want int16
	}{{true, 0x80, 32124}, {true, 0x00, -32124}, {true, 0xff, 0}, {false, 0xaa, 32256}, {false, 0x2a, -32256}, {false, 0xd5, 8}} {
		if g.mu {
			DecodeMu(pcm[:], []byte{g.code})
		} else {
			DecodeA(pcm[:], []byte{g.code})
		}
		if pcm[0] != g.want {
			t.Fatalf("golden %+v: %d", g, pcm[0])
		}
	}
}

// Every one of the 65536 samples goes to the code whose decision interval holds it.
func TestG711EncodeIsTheDefinition(t *testing.T) {
	var code [1]byte
	for s := -32768; s <= 32767; s++ {
		EncodeMu(code[:], []int16{int16(s)})
		v := s >> 2 // 14 bit, one's complement magnitude
		sign := byte(0x80)
		if v < 0 {
			v, sign = ^v, 0
		}
		v = min(v, 8191-33)
		// Decision values: x1=1 then steps; the code's interval is [out-2^seg, out+2^seg), the first [0,1).
		seg, q := 0, 0
		for seg = 7; seg > 0 && v < 33<<seg-33-1<<seg; seg-- {
		}
		if low := 33<<seg - 33 - 1<<seg; v >= low {
			q = (v - low) / (2 << seg)
		}
		if want := ^(byte(seg)<<4 | byte(min(q, 15)) | ^sign&0x80); code[0] != want {
			t.Fatalf("mu of %d: %#02x, want %#02x", s, code[0], want)
		}
		EncodeA(code[:], []int16{int16(s)})
		v, sign = s>>4, 0x80
		if v < 0 {
			v, sign = ^v, 0
		}
		seg = 0
		for lim := 16; v >= lim; lim *= 2 { // segments end at 16, 32, 64 ... in 12 bit units
			seg++
		}
		q = v
		if seg > 0 {
			q = (v - 8<<seg) >> (seg - 1)
		}
		if want := (sign | byte(seg)<<4 | byte(q)) ^ 0x55; code[0] != want {
			t.Fatalf("a of %d: %#02x, want %#02x (seg %d q %d)", s, code[0], want, seg, q)
		}
	}
}

func TestG711RoundTripKeepsCodes(t *testing.T) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	pcm, back := make([]int16, 256), make([]byte, 256)
	DecodeA(pcm, all)
	EncodeA(back, pcm)
	for i := range all {
		if back[i] != all[i] {
			t.Fatalf("a %#02x became %#02x", i, back[i])
		}
	}
	DecodeMu(pcm, all)
	EncodeMu(back, pcm)
	for i := range all {
		if back[i] != all[i] && i != 0x7f { // 0x7f is the second zero
			t.Fatalf("mu %#02x became %#02x", i, back[i])
		}
	}
}
