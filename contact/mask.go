package contact

import "tingxin/nlp/pii"

// Mask is an identity as those see it who may not see it whole: 138****8000, l***@example.com.
// It keeps enough to compare with what somebody says on the phone, and no more.
func Mask(kind Kind, value string) string {
	switch kind {
	case KindPhone:
		return pii.Phone(value)
	case KindEmail:
		return pii.Email(value)
	}
	return pii.Short(value)
}

// MaskPhone masks a number: Chinese ones as people write them, others with their country's code.
func MaskPhone(number string) string { return pii.Phone(number) }
