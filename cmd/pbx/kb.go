package main

import (
	"context"
	"errors"

	"tingxin/kb"
	"tingxin/nlp/embed"
)

// startEmbed loads the sentence models, once for everything that asks what a text
// means. A machine without them runs with rules and words.
func (s *server) startEmbed(ctx context.Context) (func() error, error) {
	models := embed.New(s.cfg.Embed)
	err := models.Start(ctx)
	if errors.Is(err, embed.ErrMissing) {
		s.log.Warn("no sentence models: articles are found by rules and words only", "error", err)
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	s.embed = models
	return models.Close, nil
}

// startKB reads the articles; their indexes follow in the background.
func (s *server) startKB(ctx context.Context) (func() error, error) {
	var model kb.Model
	if s.embed != nil {
		model = s.embed
	}
	articles, err := kb.New(s.cfg.KB, s.db, model, s.log)
	if err != nil {
		return nil, err
	}
	if err := articles.Start(ctx); err != nil {
		return nil, errors.Join(err, articles.Close())
	}
	s.kb = articles
	return articles.Close, nil
}
