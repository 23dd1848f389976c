import { theme as algorithms, type ThemeConfig } from 'antd';
import type { Theme } from './theme';

// The same colours as in tokens.css, as Ant Design wants to calculate with them.
const colours = {
  light: { colorPrimary: '#0f766e', colorBgBase: '#ffffff', colorTextBase: '#17211f', colorError: '#b9302a', colorWarning: '#9a5b00', colorSuccess: '#217a3c', colorLink: '#0b635c', colorBorder: '#c3cecb', colorBorderSecondary: '#dfe6e3', colorTextPlaceholder: '#667571', colorTextDescription: '#4b5a57' },
  dark: { colorPrimary: '#49b8aa', colorBgBase: '#101615', colorTextBase: '#e7eeec', colorError: '#ff8f86', colorWarning: '#efb354', colorSuccess: '#69cf88', colorLink: '#6fd0c3', colorBorder: '#42524f', colorBorderSecondary: '#2a3735', colorTextPlaceholder: '#92a29e', colorTextDescription: '#b0bfbb', colorBgContainer: '#182120', colorBgElevated: '#1f2a28' },
} as const;

/** antdTheme is Ant Design's configuration for one of our themes. */
export function antdTheme(theme: Theme, still: boolean): ThemeConfig {
  return {
    algorithm: theme === 'dark' ? algorithms.darkAlgorithm : algorithms.defaultAlgorithm,
    token: {
      ...colours[theme],
      ...(theme === 'dark' ? { colorTextLightSolid: '#06201d' } : {}),
      fontFamily: 'inherit',
      borderRadius: 8,
      motion: !still,
      wireframe: false,
    },
    components: {
      // Boxes to tick stay square: with the radius of fields they look like choices of one.
      Checkbox: { borderRadiusSM: 4 },
      Table: { cellPaddingBlockSM: 7, cellPaddingInlineSM: 10, headerBg: 'transparent', headerSplitColor: 'transparent' },
      Tooltip: { colorTextLightSolid: '#ffffff', colorBgSpotlight: '#22302d' },
    },
  };
}
