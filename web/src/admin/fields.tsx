import { Form, Input, InputNumber, Select, Switch } from 'antd';
import { useTranslation } from 'react-i18next';

type Name = string | string[];

const period = /^(\d+(\.\d+)?(h|m|s|ms))*$/;

/** Fields of forms that several kinds have; `label` is a key under admin.field. */
interface Field {
  name: Name;
  label: string;
  hint?: string;
}

export function Text({ name, label, hint, placeholder, required, rows }: Field & { placeholder?: string; required?: boolean; rows?: number }) {
  const { t } = useTranslation();
  return (
    <Form.Item name={name} label={t(`admin.field.${label}`)} extra={hint && t(`admin.hint.${hint}`)} rules={required ? [{ required: true, message: t('settings.required') }] : []}>
      {rows ? <Input.TextArea autoSize={{ minRows: rows, maxRows: 8 }} /> : <Input placeholder={placeholder} spellCheck={false} autoComplete="off" />}
    </Form.Item>
  );
}

export function Time({ name, label, placeholder }: Field & { placeholder?: string }) {
  const { t } = useTranslation();
  return (
    <Form.Item name={name} label={t(`admin.field.${label}`)} rules={[{ pattern: period, message: t('setup.periodHint') }]}>
      <Input placeholder={placeholder ?? '30s'} autoComplete="off" style={{ maxWidth: 160 }} />
    </Form.Item>
  );
}

export function Count({ name, label, hint, max = 100_000, placeholder }: Field & { max?: number; placeholder?: string }) {
  const { t } = useTranslation();
  return (
    <Form.Item name={name} label={t(`admin.field.${label}`)} extra={hint && t(`admin.hint.${hint}`)}>
      <InputNumber min={0} max={max} precision={0} placeholder={placeholder} style={{ width: 160 }} />
    </Form.Item>
  );
}

export function Tags({ name, label, hint, options, required }: Field & { options?: { value: string; label: string }[]; required?: boolean }) {
  const { t } = useTranslation();
  return (
    <Form.Item name={name} label={t(`admin.field.${label}`)} extra={hint && t(`admin.hint.${hint}`)} rules={required ? [{ required: true, message: t('settings.required') }] : []}>
      <Select mode={options ? 'multiple' : 'tags'} open={options ? undefined : false} suffix={options ? undefined : null} tokenSeparators={options ? undefined : [',', ' ', ';']} options={options} showSearch={{ optionFilterProp: 'label' }} />
    </Form.Item>
  );
}

export function Choice({ name, label, hint, options, placeholder, required }: Field & { options: { value: string; label: string }[]; placeholder?: string; required?: boolean }) {
  const { t } = useTranslation();
  return (
    <Form.Item name={name} label={t(`admin.field.${label}`)} extra={hint && t(`admin.hint.${hint}`)} rules={required ? [{ required: true, message: t('settings.required') }] : []}>
      <Select allowClear={!required} showSearch={{ optionFilterProp: 'label' }} options={options} placeholder={placeholder} />
    </Form.Item>
  );
}

export function Toggle({ name, label, hint }: Field) {
  const { t } = useTranslation();
  return (
    <Form.Item
      name={name}
      label={
        <span>
          {t(`admin.field.${label}`)}
          {hint && <small className="muted">{t(`admin.hint.${hint}`)}</small>}
        </span>
      }
      valuePropName="checked" layout="horizontal"
      className="admin-toggle"
      colon={false}
    >
      <Switch />
    </Form.Item>
  );
}

/** Secret is a password that can be written and not be read. */
export function Secret({ name, label, kept }: Field & { kept: boolean }) {
  const { t } = useTranslation();
  return (
    <Form.Item name={name} label={t(`admin.field.${label}`)} extra={t(kept ? 'admin.hint.secretKept' : 'admin.hint.secret')}>
      <Input.Password autoComplete="new-password" placeholder={kept ? '••••••••' : undefined} />
    </Form.Item>
  );
}
