package chat

import (
	"context"
	"log/slog"
	"time"
)

// SetLog changes where is written what operators should know; before Start.
func (s *Service) SetLog(log *slog.Logger) { s.log = log }

// SetPace makes the sweeps faster.
func (s *Service) SetPace(d time.Duration) { s.pace = d }

// Empty sends what waits for a conversation's customer now.
func (s *Service) Empty(ctx context.Context, c ID) error {
	_, err := s.empty(ctx, c)
	return err
}
