package api

import (
	"fmt"
	"strings"
	"time"

	"github.com/centrifugal/centrifuge"
)

// redisPrefix begins all keys and channels in Redis.
const redisPrefix = "tingxin"

// redisWait bounds one question to Redis.
const redisWait = 2 * time.Second

// shareFeed lets the servers of a cluster publish to each other's browsers, by
// Redis: channels, their history and the end of sessions. While Redis is away events
// are lost and counted; browsers load anew when it is back.
func (f *feed) shareFeed(address string) error {
	shard, err := centrifuge.NewRedisShard(f.node, centrifuge.RedisShardConfig{Address: address, ConnectTimeout: redisWait, IOTimeout: redisWait, ClientName: "tingxin"})
	if err != nil {
		return fmt.Errorf("api.redis: %s: %w", withoutSecret(address), err)
	}
	broker, err := centrifuge.NewRedisBroker(f.node, centrifuge.RedisBrokerConfig{Prefix: redisPrefix, Shards: []*centrifuge.RedisShard{shard}})
	if err != nil {
		shard.Close()
		return fmt.Errorf("api.redis: %w", err)
	}
	f.node.SetBroker(broker)
	f.shard = shard
	return nil
}

// withoutSecret is an address that may be shown.
func withoutSecret(address string) string {
	if i := strings.LastIndexByte(address, '@'); i >= 0 {
		if scheme, _, ok := strings.Cut(address, "://"); ok {
			return scheme + "://" + address[i+1:]
		}
		return address[i+1:]
	}
	return address
}
