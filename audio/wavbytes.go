package audio

// EncodeWAV is a whole WAV file of mono samples, in memory.
func EncodeWAV(rate int, pcm []int16) []byte {
	head := wavHead(rate, 1, int64(2*len(pcm)))
	out := make([]byte, 0, len(head)+2*len(pcm))
	out = append(out, head[:]...)
	for _, s := range pcm {
		out = append(out, byte(s), byte(uint16(s)>>8))
	}
	return out
}
