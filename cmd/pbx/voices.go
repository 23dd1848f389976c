package main

import (
	"tingxin/call"
	"tingxin/emotion"
)

// voices are how calls read voices, nil when the configuration says that they do not.
func voices(cfg emotion.Config) (*call.Emotion, error) {
	if !cfg.Enabled {
		return nil, nil
	}
	m, err := cfg.Load()
	if err != nil {
		return nil, err
	}
	return &call.Emotion{Rules: cfg.Rules, Agents: cfg.Agents, Model: m.Version(), Open: func() call.Voice { return emotion.NewAnalyzer(m, nil) }}, nil
}
