package assist

import (
	"context"
	"errors"
	"fmt"

	"tingxin/bot"
	"tingxin/pg"
)

// ErrTool: the bot's tool could not be asked.
var ErrTool = errors.New("the tool could not be asked")

// ErrState: that cannot be done with it any more.
var ErrState = errors.New("somebody has decided about it already")

// LookUp asks the tool of an intent with the values that are known of a talk. ErrSubject,
// bot.ErrMissing, ErrTool.
func (s *Service) LookUp(ctx context.Context, sub Subject, intent string) (string, error) {
	t, err := s.talk(ctx, sub)
	if err != nil {
		return "", err
	}
	if s.parts.Bot == nil {
		return "", bot.ErrMissing
	}
	all, err := s.slots(ctx, t)
	if err != nil {
		return "", err
	}
	known := map[string]string{}
	for _, v := range all {
		known[v.Name] = v.Value
	}
	if t.Kind == OfCall && known["phone"] == "" {
		known["phone"] = t.Number
	}
	text, err := s.parts.Bot.LookUp(ctx, intent, t.Lang, known)
	if err != nil && !errors.Is(err, bot.ErrMissing) && !errors.Is(err, pg.ErrUnavailable) {
		return "", fmt.Errorf("%w: %w", ErrTool, err)
	}
	return text, err
}
