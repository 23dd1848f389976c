package media

import (
	"fmt"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
)

// crypt protects and opens the packets of one leg (SDES keys). mu of the leg guards it.
type crypt struct {
	send, recv *srtp.Context
	in, out    rtp.Header // kept so that none is allocated per packet
}

func newCrypt(k *SRTPParams) (*crypt, error) {
	var profile srtp.ProtectionProfile
	switch k.Profile {
	case AESCM128SHA180:
		profile = srtp.ProtectionProfileAes128CmHmacSha1_80
	case AESCM128SHA132:
		profile = srtp.ProtectionProfileAes128CmHmacSha1_32
	case AEADAES128GCM:
		profile = srtp.ProtectionProfileAeadAes128Gcm
	case AEADAES256GCM:
		profile = srtp.ProtectionProfileAeadAes256Gcm
	default:
		return nil, fmt.Errorf("srtp profile %q is not supported", k.Profile)
	}
	if n := SRTPKeyLen(k.Profile); len(k.SendKey) != n || len(k.RecvKey) != n {
		return nil, fmt.Errorf("srtp keys of %s have %d bytes, got %d and %d", k.Profile, n, len(k.SendKey), len(k.RecvKey))
	}
	salt := 14
	if profile == srtp.ProtectionProfileAeadAes128Gcm || profile == srtp.ProtectionProfileAeadAes256Gcm {
		salt = 12
	}
	c := &crypt{}
	var err error
	cut := len(k.SendKey) - salt
	if c.send, err = srtp.CreateContext(k.SendKey[:cut], k.SendKey[cut:], profile); err != nil {
		return nil, fmt.Errorf("srtp send key: %w", err)
	}
	if c.recv, err = srtp.CreateContext(k.RecvKey[:cut], k.RecvKey[cut:], profile, srtp.SRTPReplayProtection(64), srtp.SRTCPReplayProtection(64)); err != nil {
		return nil, fmt.Errorf("srtp receive key: %w", err)
	}
	return c, nil
}

func (c *crypt) openRTP(dst, b []byte) ([]byte, bool) {
	out, err := c.recv.DecryptRTP(dst, b, &c.in)
	return out, err == nil
}

func (c *crypt) sealRTP(dst, b []byte) ([]byte, bool) {
	out, err := c.send.EncryptRTP(dst, b, &c.out)
	return out, err == nil
}

func (c *crypt) openRTCP(dst, b []byte) ([]byte, bool) {
	out, err := c.recv.DecryptRTCP(dst, b, nil)
	return out, err == nil
}

func (c *crypt) sealRTCP(dst, b []byte) ([]byte, bool) {
	out, err := c.send.EncryptRTCP(dst, b, nil)
	return out, err == nil
}
