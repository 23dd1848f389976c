package call

import (
	"context"
	"time"

	"tingxin/emotion"
)

// People knows who calls: contacts, behind cmd/pbx.
type People interface {
	// Person is the contact with that number, made when it is new; 0 for a number that is nobody's,
	// such as a hidden one.
	Person(ctx context.Context, number, name string) (int64, error)
	// Baseline is how the person's voice lies when calm, as emotion.Baseline wrote it for the model;
	// nil when there is none, or when the person's consent does not allow it.
	Baseline(ctx context.Context, person int64, model string) ([]byte, error)
	// KeepBaseline keeps it for the next call, if the person's consent allows it.
	KeepBaseline(ctx context.Context, person int64, model string, baseline []byte, seconds float64) error
}

const (
	// identifyTimeout bounds finding out who calls. A call that is not found in time gets its contact afterwards.
	identifyTimeout = 5 * time.Second
	// knownTimeout is how long something that needs to know waits for it.
	knownTimeout = 500 * time.Millisecond
)

// outside is the number of the person outside: who calls, or who is called by one of us.
// Calls within the house have none.
func (c *Call) outside() (number, name string) {
	switch {
	case c.record.Direction == DirectionOut:
		return c.record.To, ""
	case c.in.User == "":
		return c.record.From, c.record.FromName
	}
	return "", ""
}

// identify finds out whose call it is, beside the call.
func (c *Call) identify() {
	number, name := c.outside()
	if c.m.parts.People == nil || number == "" {
		close(c.known)
		return
	}
	c.wg.Go(func() { // ends after identifyTimeout
		defer close(c.known)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), identifyTimeout)
		defer cancel()
		id, err := c.m.parts.People.Person(ctx, number, name)
		if err != nil {
			c.log.Warn("who calls cannot be looked up now", "error", err)
			return
		}
		if id == 0 {
			return
		}
		c.person.Store(id)
		c.post(func() {
			c.record.Contact = id
			c.update()
		})
	})
}

// whoIs is the contact, 0 when nobody knows in time.
func (c *Call) whoIs(ctx context.Context) int64 {
	ctx, cancel := context.WithTimeout(ctx, knownTimeout)
	defer cancel()
	select {
	case <-c.known:
	case <-ctx.Done():
	}
	return c.person.Load()
}

// knower is a Voice that can be told how the speaker's calm voice lies, and tells it.
type knower interface{ Baseline() *emotion.Baseline }

// callerIsPerson says that the caller's side is the contact: somebody outside who called us.
func (c *Call) callerIsPerson() bool {
	return c.m.parts.People != nil && c.in.User == "" && c.record.Direction == DirectionIn
}

// baseline is what an earlier call learned of the caller's voice, nil when nothing or not allowed.
func (c *Call) baseline(ctx context.Context) []byte {
	if c.m.parts.Emotion == nil || !c.callerIsPerson() {
		return nil
	}
	id := c.whoIs(ctx)
	if id == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, consentTimeout)
	defer cancel()
	norm, err := c.m.parts.People.Baseline(ctx, id, c.m.parts.Emotion.Model)
	if err != nil {
		c.log.Warn("the caller's voice is learned anew", "error", err)
	}
	return norm
}

// recall starts a reading with what is known of the voice; before its first frame is read.
func (c *Call) recall(in Voice, norm []byte) {
	if k, ok := in.(knower); ok && len(norm) > 0 {
		if err := k.Baseline().UnmarshalBinary(norm); err != nil { // of another set of features
			c.log.Info("the caller's voice is learned anew", "reason", err)
		}
	}
}

// keepBaseline keeps what the call learned of the caller's voice. The consent of this call is in the
// ledger by now; whoever keeps it asks there.
func (c *Call) keepBaseline() {
	f := c.sides[SideCaller].feeling
	if f == nil || f.quiet || c.record.Contact == 0 || !c.callerIsPerson() || !closed(f.voice.ended) {
		return
	}
	k, ok := f.voice.in.(knower)
	if !ok || k.Baseline().Seconds() <= 0 {
		return
	}
	b, id := k.Baseline(), c.record.Contact
	c.wg.Go(func() { // ends after identifyTimeout
		ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), identifyTimeout)
		defer cancel()
		norm, err := b.MarshalBinary()
		if err == nil {
			err = c.m.parts.People.KeepBaseline(ctx, id, c.m.parts.Emotion.Model, norm, b.Seconds())
		}
		if err != nil {
			c.log.Warn("the caller's voice is not remembered", "error", err)
		}
	})
}
