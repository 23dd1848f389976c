package audio

// G.711 (ITU-T G.711, tables 1a to 2b; quantisation of 16 bit samples as in the
// ITU's software library G.191: the low bits are cut off, negatives by one's complement).
var (
	muDecode [256]int16
	aDecode  [256]int16
	muEncode [16384]byte // by sample >> 2 (14 bit)
	aEncode  [4096]byte  // by sample >> 4 (12 bit)
)

// MuSilence and ASilence are the code words of a zero sample.
const (
	MuSilence = 0xff
	ASilence  = 0xd5
)

func init() {
	for i := range 256 {
		muDecode[i] = muExpand(byte(i))
		aDecode[i] = aExpand(byte(i))
	}
	for i := range muEncode {
		muEncode[i] = muCompress(int16(i << 2))
	}
	for i := range aEncode {
		aEncode[i] = aCompress(int16(i << 4))
	}
}

func muExpand(b byte) int16 {
	b = ^b
	seg, step := int(b>>4)&7, int(b&15)
	v := ((step<<3)+0x84)<<seg - 0x84
	if b&0x80 != 0 {
		v = -v
	}
	return int16(v)
}

func muCompress(s int16) byte {
	v, sign := int(s)>>2, byte(0x80)
	if v < 0 {
		v, sign = ^v, 0
	}
	v = min(v+33, 0x1fff)
	seg := 0
	for v>>(seg+6) != 0 {
		seg++
	}
	return sign | byte(7-seg)<<4 | byte(15-(v>>(seg+1))&15)
}

func aExpand(b byte) int16 {
	b ^= 0x55
	seg, step := int(b>>4)&7, int(b&15)
	v := step<<4 + 8
	if seg > 0 {
		v = (v + 0x100) << (seg - 1)
	}
	if b&0x80 == 0 {
		v = -v
	}
	return int16(v)
}

func aCompress(s int16) byte {
	v, sign := int(s)>>4, byte(0x80)
	if v < 0 {
		v, sign = ^v, 0
	}
	seg := 0
	for v>>(seg+4) != 0 {
		seg++
	}
	if seg > 0 {
		v = v>>(seg-1)&15 | seg<<4
	}
	return (sign | byte(v)) ^ 0x55
}

// DecodeMu turns G.711 mu-law into samples at 8 kHz; pcm must be as long as data.
func DecodeMu(pcm []int16, data []byte) {
	pcm = pcm[:len(data)]
	for i, b := range data {
		pcm[i] = muDecode[b]
	}
}

// DecodeA turns G.711 A-law into samples at 8 kHz; pcm must be as long as data.
func DecodeA(pcm []int16, data []byte) {
	pcm = pcm[:len(data)]
	for i, b := range data {
		pcm[i] = aDecode[b]
	}
}

// EncodeMu turns samples at 8 kHz into G.711 mu-law; data must be as long as pcm.
func EncodeMu(data []byte, pcm []int16) {
	data = data[:len(pcm)]
	for i, s := range pcm {
		data[i] = muEncode[uint16(s)>>2]
	}
}

// EncodeA turns samples at 8 kHz into G.711 A-law; data must be as long as pcm.
func EncodeA(data []byte, pcm []int16) {
	data = data[:len(pcm)]
	for i, s := range pcm {
		data[i] = aEncode[uint16(s)>>4]
	}
}
