package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tingxin/admin"
	"tingxin/audio"
	"tingxin/ivr"
)

// rehearsalTime bounds a rehearsal.
const rehearsalTime = 2 * time.Second

func (s *Server) flowRoutes(api huma.API) {
	check := operation("flow-check", http.MethodPost, "/flow-check", "settings", "Say what is wrong in the text of a flow, with line and column, and draw it", 422)
	check.MaxBodyBytes = maxSetting
	huma.Register(api, check, s.checkFlow)
	rehearse := operation("flow-rehearsal", http.MethodPost, "/flow-rehearsal", "settings", "Walk a flow without a call, with keys typed or said", 422)
	rehearse.MaxBodyBytes = maxSetting
	huma.Register(api, rehearse, s.rehearseFlow)
	sound := operation("add-sound", http.MethodPost, "/sounds", "settings", "Keep a WAV file for a prompt", 413, 422)
	sound.MaxBodyBytes = admin.MaxSound + 1
	huma.Register(api, sound, s.addSound)
	listen := operation("listen-prompt", http.MethodGet, "/settings/prompts/{name}/listen", "settings", "What callers hear of a prompt (WAV)", 404)
	listen.Responses = map[string]*huma.Response{"200": {Description: "16 kHz mono", Content: map[string]*huma.MediaType{"audio/wav": {}}}}
	huma.Register(api, listen, s.listenPrompt)
}

// FlowMistake is one mistake of a flow's text.
type FlowMistake struct {
	Line    int    `json:"line" doc:"from 1; 0: the whole"`
	Column  int    `json:"column"`
	Message string `json:"message"`
}

// FlowCheck is the body of the answer to POST /flow-check.
type FlowCheck struct {
	Name     string        `json:"name,omitempty" doc:"as the text calls the flow"`
	Mistakes []FlowMistake `json:"mistakes"`
	Picture  *ivr.Picture  `json:"picture,omitempty" doc:"absent while there are mistakes"`
}

type flowText struct {
	Body struct {
		Text string `json:"text" maxLength:"262144"`
	}
}

func (s *Server) checkFlow(_ context.Context, in *flowText) (*bodyOf[FlowCheck], error) {
	out := FlowCheck{Mistakes: []FlowMistake{}}
	f, err := ivr.Parse("", []byte(in.Body.Text))
	if err != nil {
		out.Mistakes = mistakes(err)
		return &bodyOf[FlowCheck]{out}, nil
	}
	out.Name = f.Name
	if s.parts.Setup != nil {
		for prompt, line := range f.Uses() {
			if !s.parts.Setup.Flows.Prompts.HasNamed(prompt) {
				out.Mistakes = append(out.Mistakes, FlowMistake{line, 1, "there is no prompt \"" + prompt + "\""})
			}
		}
	}
	p := f.Picture()
	out.Picture = &p
	return &bodyOf[FlowCheck]{out}, nil
}

// maxMistakes is how many mistakes are told at once.
const maxMistakes = 100

// mistakes takes joined errors of a flow apart.
func mistakes(err error) []FlowMistake {
	var out []FlowMistake
	if all, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range all.Unwrap() {
			out = append(out, mistakes(one)...)
		}
		return out[:min(len(out), maxMistakes)]
	}
	if own := (*ivr.Error)(nil); errors.As(err, &own) {
		return []FlowMistake{{own.Line, own.Column, own.Message}}
	}
	return []FlowMistake{{Message: err.Error()}}
}

type rehearsalInput struct {
	Body struct {
		Text   string `json:"text" maxLength:"262144"`
		Said   string `json:"said" maxLength:"500" doc:"keys, or digits as people say them; a comma or \"wait\" lets one wait run out"`
		Caller string `json:"caller,omitempty" maxLength:"64"`
		Number string `json:"number,omitempty" maxLength:"64"`
	}
}

// RehearsalStep is one thing that happened.
type RehearsalStep struct {
	Node string `json:"node"`
	Did  string `json:"did" enum:"say,key,timeout,record,emotion,listen,set,language,queue,transfer,node"`
	What string `json:"what"`
}

// Rehearsal is the body of the answer to POST /flow-rehearsal.
type Rehearsal struct {
	Mistakes []FlowMistake     `json:"mistakes"`
	Keys     string            `json:"keys" doc:"that were pressed for what was said"`
	Unknown  string            `json:"unknown,omitempty" doc:"first word that is no key"`
	Steps    []RehearsalStep   `json:"steps"`
	Ended    string            `json:"ended" enum:"hangup,waiting,error,mistakes"`
	Error    string            `json:"error,omitempty"`
	Vars     map[string]string `json:"vars,omitempty"`
}

// maxSteps is how many steps of a rehearsal are told.
const maxSteps = 500

func (s *Server) rehearseFlow(ctx context.Context, in *rehearsalInput) (*bodyOf[Rehearsal], error) {
	out := Rehearsal{Mistakes: []FlowMistake{}, Steps: []RehearsalStep{}, Ended: "hangup"}
	f, err := ivr.Parse("", []byte(in.Body.Text))
	if err != nil {
		out.Mistakes, out.Ended = mistakes(err), "mistakes"
		return &bodyOf[Rehearsal]{out}, nil
	}
	out.Keys, out.Unknown = ivr.Keys(in.Body.Said)
	ctx, cancel := context.WithTimeout(ctx, rehearsalTime)
	defer cancel()
	steps, result, err := ivr.Rehearse(ctx, f, out.Keys, map[string]string{"caller": in.Body.Caller, "number": in.Body.Number, "trunk": ""})
	waits := 0
	for _, step := range steps {
		if step.Did == "timeout" && errors.Is(err, ivr.ErrRehearsed) {
			if waits++; waits > len(out.Keys)+3 { // the rest says the same again
				break
			}
		}
		if len(out.Steps) == maxSteps {
			break
		}
		out.Steps = append(out.Steps, RehearsalStep{step.Node, step.Did, step.What})
	}
	out.Vars = result.Vars
	switch {
	case errors.Is(err, ivr.ErrRehearsed):
		out.Ended = "waiting"
	case err != nil:
		out.Ended, out.Error = "error", err.Error()
	}
	return &bodyOf[Rehearsal]{out}, nil
}

type soundInput struct {
	RawBody []byte `contentType:"audio/wav"`
}

const maxSoundSeconds = 600

func (s *Server) addSound(ctx context.Context, in *soundInput) (*bodyOf[admin.Sound], error) {
	if s.parts.Setup == nil {
		return nil, errNoSetup()
	}
	wav, err := audio.DecodeWAV(in.RawBody)
	if err != nil {
		return nil, huma.Error422UnprocessableEntity("the file " + err.Error())
	}
	seconds := wav.Seconds()
	if seconds < 0.1 || seconds > maxSoundSeconds {
		return nil, huma.Error422UnprocessableEntity("a prompt lasts between 0.1 and 600 seconds")
	}
	sum, err := s.parts.Setup.PutSound(ctx, in.RawBody)
	if err != nil {
		return nil, s.setupProblem(ctx, err)
	}
	return &bodyOf[admin.Sound]{admin.Sound{Sum: sum, Seconds: seconds}}, nil
}

type listenInput struct {
	NamePath
	Language string `query:"language" maxLength:"35" default:"en"`
}

type wavOutput struct {
	ContentType string `header:"Content-Type"`
	Body        []byte
}

func (s *Server) listenPrompt(ctx context.Context, in *listenInput) (*wavOutput, error) {
	if s.parts.Setup == nil {
		return nil, errNoSetup()
	}
	if !s.parts.Setup.Flows.Prompts.HasNamed(in.Name) {
		return nil, huma.Error404NotFound("there is no such thing")
	}
	p, err := s.parts.Setup.Flows.Prompts.Prompt(ctx, ivr.Speech{Prompt: in.Name, Language: in.Language})
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	return &wavOutput{"audio/wav", audio.EncodeWAV(audio.Rate, p.PCM)}, nil
}
