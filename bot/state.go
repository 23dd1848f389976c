package bot

import "slices"

// Bounds of a session's state.
const (
	maxStack   = 3 // frames under way
	maxHistory = 10
	maxShown   = 20
	repeatBack = 5 // user turns that a repeat is looked for in
)

// state is what a session carries from turn to turn; a row of bot_sessions holds it as JSON.
type state struct {
	Stack []frameState `json:"stack,omitempty"` // the last is on top
	// Intent and Question are the last ones understood, for ellipsis.
	Intent   string `json:"intent,omitempty"`
	Question string `json:"question,omitempty"`
	// Maybe is a task that the last turn was perhaps about, though it was not understood.
	Maybe string `json:"maybe,omitempty"`
	// Mentioned is the slot row last spoken of, by slot name.
	Mentioned map[string]int64 `json:"mentioned,omitempty"`
	// Offered are the articles of a clarification that waits for a choice.
	Offered  []offer   `json:"offered,omitempty"`
	Later    []offer   `json:"later,omitempty"`    // a second question of a message whose task asks back first
	Rejected int       `json:"rejected,omitempty"` // clarifications refused in a row
	Clarify  int       `json:"clarify,omitempty"`  // clarifications for the intent at hand
	Fallback int       `json:"fallback,omitempty"` // in a row
	Errors   int       `json:"errors,omitempty"`   // failed turns in a row
	Answered *answered `json:"answered,omitempty"` // waits for a reaction
	Earlier  *answered `json:"earlier,omitempty"`  // waits for a press on its buttons, behind what came since
	Shown    []Shown   `json:"shown,omitempty"`
	History  []said    `json:"history,omitempty"`
	Emotion  float64   `json:"emotion,omitempty"`
	Trend    []float64 `json:"trend,omitempty"` // smoothed emotion of the last turns
	Handover Reason    `json:"handover,omitempty"`
	Back     bool      `json:"back,omitempty"`    // a person had the conversation and gave it back
	Urgent   bool      `json:"urgent,omitempty"`  // the topic that was handed over
	Instead  bool      `json:"instead,omitempty"` // a message and a call were offered in place of the wait
	Awaits   string    `json:"awaits,omitempty"`  // a message or a number to call, instead of waiting
	Muted    bool      `json:"muted,omitempty"`   // after a handover for emotion the bot stays silent
	Last     string    `json:"last,omitempty"`    // the bot's last words
	Buttons  []Button  `json:"buttons,omitempty"`
}

// frameState is a frame under way.
type frameState struct {
	Intent string         `json:"intent"`
	Asks   string         `json:"asks,omitempty"`  // slot that was asked for
	Asked  map[string]int `json:"asked,omitempty"` // how often
	// Confirm is a slot whose value waits for a yes; Options are rows to choose from.
	Confirm string  `json:"confirm,omitempty"`
	Options []int64 `json:"options,omitempty"`
	// Sure waits for a yes before the tool acts; Agreed tells that it came.
	Sure   bool             `json:"sure,omitempty"`
	Agreed bool             `json:"agreed,omitempty"`
	Chosen map[string]int64 `json:"chosen,omitempty"` // slot rows that this frame uses
	// Queued was asked for in one message with another task, and is begun when that is done.
	Queued bool `json:"queued,omitempty"`
}

// offer is an article that was offered.
type offer struct {
	ID         string `json:"id"`
	Lang       string `json:"lang"`
	Title      string `json:"title"`
	Prediction int64  `json:"prediction,omitempty"`
}

// answered is the turn that a 解决了 / 没解决 belongs to.
type answered struct {
	Turn    int    `json:"turn"`
	Article string `json:"article,omitempty"`
	Lang    string `json:"lang,omitempty"`
}

// Shown is an article that the customer has seen, with what came of it.
type Shown struct {
	Article  string `json:"article"`
	Title    string `json:"title"`
	Turn     int    `json:"turn"`
	Reaction string `json:"reaction,omitempty" enum:",up,down"`
}

// said is one turn of the customer: identity and card numbers are masked.
type said struct {
	Text     string   `json:"text"`   // as it may be shown
	Folded   string   `json:"folded"` // as the models saw it
	Lang     string   `json:"lang"`
	Decision Decision `json:"decision"`
	Question bool     `json:"question,omitempty"` // it asked something, it did not just give a value
	Values   bool     `json:"values,omitempty"`
	Past     bool     `json:"past,omitempty"` // a person had the conversation since: who asks it again does not repeat it
}

// takeBack begins anew after a person had the conversation.
func (s *state) takeBack() {
	s.Handover, s.Awaits, s.Fallback, s.Rejected, s.Clarify = "", "", 0, 0, 0
	s.Urgent, s.Instead, s.Back = false, false, true
	for i := range s.History {
		s.History[i].Past = true
	}
}

func (s *state) top() *frameState {
	if len(s.Stack) == 0 {
		return nil
	}
	return &s.Stack[len(s.Stack)-1]
}

// push puts a frame on top; one of the same intent below is taken out, but what it asked for was asked
// for. The oldest gives way to the bound.
func (s *state) push(intent string) *frameState {
	f := frameState{Intent: intent}
	if i := slices.IndexFunc(s.Stack, func(f frameState) bool { return f.Intent == intent }); i >= 0 {
		f.Asked = s.Stack[i].Asked
		s.Stack = slices.Delete(s.Stack, i, i+1)
	}
	if len(s.Stack) == maxStack {
		s.Stack = slices.Delete(s.Stack, 0, 1)
	}
	s.Stack = append(s.Stack, f)
	return s.top()
}

func (s *state) pop() {
	if len(s.Stack) > 0 {
		s.Stack = s.Stack[:len(s.Stack)-1]
	}
}

// mention notes that a slot row was spoken of.
func (s *state) mention(name string, row int64) {
	if s.Mentioned == nil {
		s.Mentioned = make(map[string]int64)
	}
	s.Mentioned[name] = row
}

func (s *state) say(x said) {
	s.History = append(s.History, x)
	if n := len(s.History); n > maxHistory {
		s.History = slices.Delete(s.History, 0, n-maxHistory)
	}
}

func (s *state) show(x Shown) {
	s.Shown = append(s.Shown, x)
	if n := len(s.Shown); n > maxShown {
		s.Shown = slices.Delete(s.Shown, 0, n-maxShown)
	}
}

func (f *frameState) choose(slot string, row int64) {
	if f.Chosen == nil {
		f.Chosen = make(map[string]int64)
	}
	f.Chosen[slot] = row
}

func (f *frameState) ask(slot string) {
	if f.Asked == nil {
		f.Asked = make(map[string]int)
	}
	f.Asks = slot
	f.Asked[slot]++
}
