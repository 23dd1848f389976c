package main

import (
	"context"
	"errors"
	"fmt"

	"tingxin/chat"
	"tingxin/feedback"
	"tingxin/rules"
)

// ratedInChat writes an answer to a survey beside the conversation that it is about.
func (s *server) ratedInChat(ctx context.Context, conversation int64, score int) error {
	_, err := s.chat.Rate(ctx, chat.ID(conversation), score)
	return err
}

// askers puts the questions of rules and macros to customers.
type askers struct{ feedback *feedback.Service }

var _ rules.Surveys = askers{}

// Ask implements rules.Surveys.
func (a askers) Ask(ctx context.Context, q rules.Survey) (ref string, err error) {
	ask := feedback.Asking{Kind: feedback.Kind(q.Kind), Reason: q.Reason, Contact: q.Contact, Conversation: q.Conversation, Language: q.Language, By: q.By, Key: q.Key}
	if q.Dry {
		err = a.feedback.WouldAsk(ctx, ask)
	} else {
		var v feedback.Survey
		v, err = a.feedback.AskCustomer(ctx, ask)
		ref = fmt.Sprintf("survey:%d", v.ID)
	}
	why := new(feedback.Refusal)
	if errors.As(err, &why) {
		return "", &rules.NotAskedError{Why: why.Why}
	}
	return ref, err
}
