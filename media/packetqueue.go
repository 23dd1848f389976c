package media

import (
	"encoding/binary"
	"sync"
)

// packetQueue holds the datagrams of a WebRTC leg between two ticks: a ring of bytes,
// so that the usual packet of 200 bytes does not take the room of the largest. When
// it is full the newest datagram is dropped and counted.
type packetQueue struct {
	mu         sync.Mutex
	buf        [packetQueueSize]byte
	head, tail int // bytes ever written and read
	dropped    uint64
}

// packetQueueSize is 1.5 s of Opus or G.711.
const packetQueueSize = 16 << 10

const packetQueueHead = 10 // length and arrival

// put copies a datagram that arrived at the given wall clock (ns since 1970, 0 when not known).
func (q *packetQueue) put(b []byte, at int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(b) > maxPacket || q.head-q.tail+packetQueueHead+len(b) > packetQueueSize {
		q.dropped++
		return
	}
	var h [packetQueueHead]byte
	binary.LittleEndian.PutUint16(h[:], uint16(len(b)))
	binary.LittleEndian.PutUint64(h[2:], uint64(at))
	q.write(h[:])
	q.write(b)
}

// take moves the oldest datagram into dst, which has room for maxPacket bytes.
func (q *packetQueue) take(dst []byte) (b []byte, at int64, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.head == q.tail {
		return nil, 0, false
	}
	var h [packetQueueHead]byte
	q.read(h[:])
	b = dst[:binary.LittleEndian.Uint16(h[:])]
	q.read(b)
	return b, int64(binary.LittleEndian.Uint64(h[2:])), true
}

func (q *packetQueue) lost() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.dropped
}

func (q *packetQueue) write(b []byte) {
	n := copy(q.buf[q.head%packetQueueSize:], b)
	copy(q.buf[:], b[n:])
	q.head += len(b)
}

func (q *packetQueue) read(b []byte) {
	n := copy(b, q.buf[q.tail%packetQueueSize:])
	copy(b[n:], q.buf[:])
	q.tail += len(b)
}
