/** The picture beside the intro's facts: a car in front of a city, in characters. */

export const LOGO = [
  String.raw`            |                   `,
  String.raw`     __    .-.   __      .---.  `,
  String.raw`    |::|   |:| _|::|  __ |:::|  `,
  String.raw` __ |::|_  |:||:|::|_|::||:::|_ `,
  String.raw`|::||::|:|_|:||:|::|:|::||:::|:|`,
  String.raw`|::||::|:|:|:||:|::|:|::||:::|:|`,
  String.raw`|::||::|:|:|:||:|::|:|::||:::|:|`,
].join("\n");

export const CAR = [
  String.raw`         _________              `,
  String.raw`     ___/___|____\_____         `,
  String.raw`    |_  __         __  |        `,
  String.raw`    '-\(__)-------(__)-'        `,
  String.raw`  ==   ===   ===   ===   ===  ==`,
].join("\n");
