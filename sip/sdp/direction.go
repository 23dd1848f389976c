package sdp

// Direction says which way media flows, seen from the side whose description
// it stands in (RFC 3264 5.1).
type Direction uint8

// The four directions.
const (
	SendRecv Direction = iota
	SendOnly
	RecvOnly
	Inactive
)

var directionNames = [...]string{"sendrecv", "sendonly", "recvonly", "inactive"}

// String is the attribute name.
func (d Direction) String() string { return directionNames[d&3] }

// Sends and Receives take a direction apart.
func (d Direction) Sends() bool { return d == SendRecv || d == SendOnly }

// Receives reports whether media is wanted.
func (d Direction) Receives() bool { return d == SendRecv || d == RecvOnly }

func directionOf(sends, receives bool) Direction {
	switch {
	case sends && receives:
		return SendRecv
	case sends:
		return SendOnly
	case receives:
		return RecvOnly
	}
	return Inactive
}

// Answer returns the direction to answer an offer with, when wish is what we
// would like: never more than the offer allows (RFC 3264 6.1).
//
//	offer     wish: sendrecv  sendonly  recvonly  inactive
//	sendrecv        sendrecv  sendonly  recvonly  inactive
//	sendonly        recvonly  inactive  recvonly  inactive
//	recvonly        sendonly  sendonly  inactive  inactive
//	inactive        inactive  inactive  inactive  inactive
func (d Direction) Answer(wish Direction) Direction {
	return directionOf(wish.Sends() && d.Receives(), wish.Receives() && d.Sends())
}

func parseDirection(name string) (Direction, bool) {
	for i, n := range directionNames {
		if n == name {
			return Direction(i), true
		}
	}
	return 0, false
}
