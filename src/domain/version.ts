/** Of package.json; a record that is signed says which program wrote it. */
export const VERSION = '0.1.0';
