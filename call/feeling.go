package call

import (
	"context"
	"slices"
	"strings"
	"time"

	"tingxin/asr"
	"tingxin/emotion"
	"tingxin/ivr"
	"tingxin/media"
)

var _ ivr.Feeler = (*Call)(nil)

// noticeVersion names the announcement in the consent ledger; it changes with ivr.EmotionNotice.
const noticeVersion = "voice-1"

// consentTimeout bounds a look into the consent ledger, consentEvery is how often a call looks
// whether its caller has declined meanwhile: nobody has to wait for the next call to be left alone.
const (
	consentTimeout = 2 * time.Second
	consentEvery   = 10 * time.Second
)

// feeling is what is known of one side's mood. Only the call's goroutine.
type feeling struct {
	voice *voice
	watch *emotion.Watch
	seq   int // of the last turn

	// The turn in progress.
	begun         time.Duration // start of its first words, -1 before
	words         []string      // its Finals
	interruptions int

	habit emotion.Habit // of the calm turns, for what an alert explains
	alert *Alert        // open now
	count int           // alerts of this side
	quiet bool          // who is on the side now is not read
	asked time.Time     // when the ledger was last looked into
}

// Feels implements ivr.Feeler: voices are read here, and this caller has not
// declined. When the ledger cannot be asked, the answer is no.
func (c *Call) Feels(ctx context.Context) bool {
	if c.m.parts.Emotion == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, consentTimeout)
	defer cancel()
	declined, err := c.m.parts.Store.DeclinedBy(ctx, c.whoIs(ctx), c.in.From, PurposeEmotion)
	if err != nil {
		c.log.Warn("consent cannot be looked up: the voice is not read", "error", err)
		return false
	}
	if declined {
		c.m.stats.voice.declined.Add(1)
	}
	return !declined
}

// Feel implements ivr.Feeler.
func (c *Call) Feel(ctx context.Context, consent ivr.Consent) error {
	var norm []byte
	if consent != ivr.ConsentRefused {
		norm = c.baseline(ctx)
	}
	return c.ask(ctx, func() {
		c.consent(string(consent))
		if consent != ivr.ConsentRefused {
			c.feel(SideCaller, c.caller().media, norm)
		}
	})
}

// consent writes a line of the ledger.
func (c *Call) consent(state string) {
	c.m.writer.Put(&entry{Consent: &ConsentRow{CallID: c.id, Identity: c.in.From, Contact: c.person.Load(), Purpose: PurposeEmotion, State: state,
		Notice: noticeVersion, Source: "call", At: time.Now().UTC().Truncate(time.Microsecond)}}, nil)
}

// Emotion implements ivr.Feeler.
func (c *Call) Emotion() string {
	if m := c.snap.Load().Mood; m != nil {
		return string(m.State)
	}
	return string(emotion.StateUnknown)
}

// feel begins to read a side's voice. norm is what is known of it, nil when nothing.
func (c *Call) feel(name string, l *media.Leg, norm []byte) {
	sd := c.sides[name]
	if c.m.parts.Emotion == nil || sd.feeling != nil {
		return
	}
	in := c.m.parts.Emotion.Open()
	c.recall(in, norm)
	v := newVoice(in, c.zero, &c.m.stats.voice, func(f felt) {
		c.post(func() { c.felt(sd, f) })
	})
	v.alone.Store(sd.ear == nil)
	sd.feeling = &feeling{voice: v, watch: emotion.NewWatch(c.m.parts.Emotion.Rules), begun: -1, asked: time.Now()}
	v.remove = l.AddTap(v)
	c.wg.Go(v.run) // ends when numb closes it
}

// numb ends the reading of voices and waits for the last turn.
func (c *Call) numb() {
	for _, sd := range c.sides {
		if sd.feeling != nil {
			sd.feeling.voice.remove()
			sd.feeling.voice.Close()
		}
	}
	for _, sd := range c.sides {
		f := sd.feeling
		if f == nil {
			continue
		}
		c.serve(f.voice.ended, wordsTimeout)
		if f.alert != nil {
			c.endAlert(sd, AlertEnded)
		}
		if m := c.sideMood(sd); m.Turns > 0 {
			c.m.writer.Put(&entry{Mood: &m}, nil)
		}
	}
}

// sideMood is the mood of a side that is read.
func (c *Call) sideMood(sd *side) SideMood {
	return SideMood{CallID: c.id, Side: sd.name, Summary: sd.feeling.watch.Mood(), Alerts: sd.feeling.count, Model: c.m.parts.Emotion.Model}
}

// moodItem is the mood of a side as browsers see it, nil before anything was read and while
// who is on that side is not read.
func (c *Call) moodItem(sd *side) *MoodItem {
	if sd.feeling == nil || sd.feeling.quiet && c.record.State == StateActive {
		return nil
	}
	m := c.sideMood(sd)
	if m.Turns == 0 {
		return nil
	}
	item := m.Item(sd.feeling.watch.State())
	return &item
}

// feelWords notes the words of a side's turn, and acts at once on those that need a person.
func (c *Call) feelWords(sd *side, u *Utterance) {
	c.interrupted(sd, u)
	f := sd.feeling
	if f == nil || f.quiet {
		return
	}
	if f.begun < 0 {
		f.begun = u.Start
	}
	f.words = append(f.words, u.Text)
	s := emotion.Words(u.Language, u.Text)
	if !s.Strong {
		return
	}
	// Strong words are not kept waiting for the end of the turn.
	c.endTurn(sd, u.End)
}

// interrupted notes who spoke into whose words: later than half a second into
// them and well before their end. Talking over a prompt is no interruption.
func (c *Call) interrupted(sd *side, u *Utterance) {
	const into, before = 500 * time.Millisecond, 300 * time.Millisecond
	sd.spoke = span{u.Start, u.End, u.Model != "prompt"}
	for _, other := range c.sides {
		o := other.spoke
		if other == sd || !o.live || !sd.spoke.live {
			continue
		}
		switch {
		case u.Start > o.start+into && u.Start < o.end-before:
			sd.cutIn()
		case o.start > u.Start+into && o.start < u.End-before:
			other.cutIn()
		}
	}
}

func (sd *side) cutIn() {
	if sd.feeling != nil {
		sd.feeling.interruptions++
	}
}

// span is when a side last spoke.
type span struct {
	start, end time.Duration
	live       bool // by a person, not a prompt
}

// turnEnded has the turn read that recognition says is over.
func (c *Call) turnEnded(sd *side, h *hearing, r asr.Result) {
	f := sd.feeling
	if f == nil || f.quiet {
		return
	}
	if f.begun < 0 { // a sound without words, or strong words that were read already
		if r.Reason != "nothing" || r.Start >= r.End {
			return
		}
		f.begun = c.callTime(h, r.Start)
	}
	c.endTurn(sd, c.callTime(h, r.End))
}

// endTurn hands the turn in progress to the reader.
func (c *Call) endTurn(sd *side, end time.Duration) {
	f := sd.feeling
	t := heardTurn{start: f.begun, end: end, interruptions: f.interruptions, told: time.Now()}
	if len(f.words) > 0 {
		s := emotion.Words(c.record.Language, strings.Join(f.words, " "))
		t.words = &s
	}
	f.begun, f.words, f.interruptions = -1, nil, 0
	f.voice.EndTurn(t)
}

// felt takes what a reader found.
func (c *Call) felt(sd *side, f felt) {
	if !f.turn {
		c.slide(sd, f.reading)
		return
	}
	est, ok := f.estimate()
	if !ok {
		c.m.stats.voice.unread.Add(1)
		return
	}
	c.m.stats.voice.turns.Add(1)
	fe := sd.feeling
	fe.seq++
	row := &TurnReading{CallID: c.id, Side: sd.name, Seq: fe.seq, Start: f.start, End: f.end, Estimate: est, Interruptions: f.interruptions, Model: c.m.parts.Emotion.Model}
	row.fill(f.reading, f.words)
	before := fe.watch.Mood().Now
	change := fe.watch.Turn(est, row.Strong, emotion.Span{Start: f.start, End: f.end})
	row.Mood = fe.watch.Mood().Now
	c.m.writer.Put(&entry{Reading: row}, func() { c.post(func() { c.tellReading(sd, row) }) })
	if fe.quiet { // who was heard has left: what was said is kept, nobody is asked to look
		return
	}
	c.alertChange(sd, change, emotion.Explanation{From: before, To: row.Mood, Cues: fe.habit.Changed(row.Cues), Calm: fe.habit.Turns(), Learned: row.Learned,
		Kinds: row.Kinds, Listen: emotion.Span{Start: f.start, End: f.end}})
	if f.reading != nil && c.m.parts.Emotion.Rules.StateOf(est.E) == emotion.StateCalm {
		fe.habit.Learn(row.Cues)
	}
}

// estimate is what voice and words of a turn amount to; ok is false when that is
// nothing: a short "yes" says nothing about a mood.
func (f *felt) estimate() (est emotion.Estimate, ok bool) {
	if f.reading == nil && (f.words == nil || f.words.Negative == 0) {
		return est, false
	}
	return emotion.Evidence{Reading: f.reading, Words: f.words, Interruptions: f.interruptions}.Estimate()
}

// fill takes over what was heard and said.
func (r *TurnReading) fill(heard *emotion.Reading, words *emotion.Sentiment) {
	if heard != nil {
		r.Voiced, r.Class, r.P = heard.Voiced, heard.Class.String(), slices.Clone(heard.P[:])
		r.Arousal, r.Valence, r.Learned, r.Cues = heard.Arousal, heard.Valence, heard.Learned, heard.Cues
	}
	if words != nil {
		r.Strong, r.Kinds = words.Strong, words.Kinds
	}
}

// tellReading tells the world of a reading that is safe.
func (c *Call) tellReading(sd *side, r *TurnReading) {
	c.m.parts.Bus.Publish("emotion.reading", c.id, r.Item())
	c.tellMood(sd)
}

// tellMood refreshes the snapshot and tells the mood of a side.
func (c *Call) tellMood(sd *side) {
	c.refresh()
	if m := c.moodItem(sd); m != nil {
		c.m.parts.Bus.Publish("emotion.mood", c.id, *m)
	}
}

// slide takes a sliding reading: shown, not kept.
func (c *Call) slide(sd *side, r *emotion.Reading) {
	voice := emotion.Voice(r)
	f := sd.feeling
	if f.quiet {
		return
	}
	at := emotion.Span{Start: r.Start, End: r.End}
	before := f.watch.Mood()
	change := f.watch.Slide(voice, at)
	row := TurnReading{CallID: c.id, Side: sd.name, Start: r.Start, End: r.End, Model: c.m.parts.Emotion.Model,
		Estimate: emotion.Estimate{E: min(voice, emotion.VoiceCap), Voice: voice, Words: -1}}
	row.fill(r, nil)
	now := f.watch.Mood()
	row.Mood = now.Now
	c.m.parts.Bus.Publish("emotion.reading", c.id, row.Item())
	if now.Turns != before.Turns { // somebody talks on: what was heard so far is kept like a turn
		row.Estimate.E, at = f.watch.Last()
		row.Estimate.Voice = row.Estimate.E
		f.seq++
		row.Seq, row.Start, row.End = f.seq, at.Start, at.End
		c.m.writer.Put(&entry{Reading: &row}, func() { c.post(func() { c.tellReading(sd, &row) }) })
	}
	c.alertChange(sd, change, emotion.Explanation{From: before.Now, To: now.Now, Learned: r.Learned, Listen: at}) // sliding readings have no cues
}

// unfeel ends the reading of a side whose party declines, or leaves: the next one was not told
// that its voice is read, and is not the one whose mood or alert this was.
func (c *Call) unfeel(sd *side) {
	f := sd.feeling
	if f == nil || f.quiet {
		return
	}
	f.quiet = true
	f.voice.remove()
	c.endAlert(sd, AlertEnded)
	if f.watch.Mood().Turns > 0 {
		c.refresh()
		c.m.parts.Bus.Publish("emotion.mood", c.id, MoodItem{Side: sd.name, State: emotion.StateUnknown})
	}
}

// stillAllowed ends the reading of the caller when the ledger says no by now. When it cannot be
// asked, what was allowed at the start stands.
func (c *Call) stillAllowed(sd *side, now time.Time) {
	f := sd.feeling
	if sd.name != SideCaller || now.Sub(f.asked) < consentEvery {
		return
	}
	f.asked = now
	contact := c.person.Load()
	c.wg.Go(func() { // ends after consentTimeout
		ctx, cancel := context.WithTimeout(c.ctx, consentTimeout)
		defer cancel()
		declined, err := c.m.parts.Store.DeclinedBy(ctx, contact, c.in.From, PurposeEmotion)
		if err != nil || !declined {
			return
		}
		c.m.stats.voice.declined.Add(1)
		c.post(func() { c.unfeel(sd) })
	})
}

// feelTime lets alerts that last be noticed while nobody speaks, and callers who decline be left alone; once a second.
func (c *Call) feelTime(now time.Time) {
	for _, sd := range c.sides {
		if sd.feeling != nil && !sd.feeling.quiet {
			c.stillAllowed(sd, now)
			c.alertChange(sd, sd.feeling.watch.Tick(now.Sub(c.zero)), emotion.Explanation{})
		}
	}
}
